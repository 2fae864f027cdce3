"""The buttons above the samples: which page is in front, the lens, and what to do with the picture."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from cfd_studio.gui.sheet_menu import SheetMenu
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.lens import Lens

GRID, PAIR, BROWSE = range(3)
_PAGES = (
    ("Grid", "border-all", "All models beside each other"),
    ("Pair", "table-columns", "Two cells: click one for A, Shift+click another for B, then press C"),
    ("Browse", "images", "Page after page of one model, and the favourites"),
)


class CompareBar(QWidget):
    """One row of buttons.

    Signals
    -------
    page_wanted(int)
        One of the pages.
    """

    page_wanted = Signal(int)

    def __init__(self, lens: Lens) -> None:
        super().__init__()
        self._lens = lens
        self._group = QButtonGroup(self)
        self.pages: list[Button] = []
        for index, (words, icon, tip) in enumerate(_PAGES):
            button = Button(words, icon=icon, role="toggle", tip=tip)
            button.clicked.connect(partial(self.page_wanted.emit, index))
            self._group.addButton(button)
            self.pages.append(button)
        self.closer = Button("", icon="plus", tip="Look closer at the same place of all images (+, or Ctrl and wheel)")
        self.farther = Button("", icon="minus", tip="Step back (-, or Ctrl and wheel)")
        self.whole = Button("100 %", tip="Show the whole images (0)")
        self.whole.setFixedWidth(72)
        self.alone = Button("One image", role="toggle", tip="Only the picked image of every cell, as large as it fits")
        self.save = Button("Save as PNG", icon="image", tip="Save the grid as a picture")
        self.save.setEnabled(False)
        self.more = SheetMenu()
        self.closer.clicked.connect(partial(lens.magnify, 1))
        self.farther.clicked.connect(partial(lens.magnify, -1))
        self.whole.clicked.connect(lens.reset)
        lens.changed.connect(self._show_zoom)
        self._lay_out()
        self._show_zoom()

    def show_page(self, page: int) -> None:
        """Mark the page in front, and offer only what has a meaning there."""
        self.pages[page].setChecked(True)
        self.alone.setVisible(page == GRID)
        self.save.setVisible(page == GRID)

    def _show_zoom(self) -> None:
        self.whole.setText(f"{self._lens.zoom:.0%}".replace("%", " %"))
        self.whole.setAccessibleName(f"Zoom {self.whole.text()}; press for the whole images")
        self.farther.setEnabled(self._lens.zoom > 1)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for button in self.pages:
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.farther, self.whole, self.closer):
            row.addWidget(button)
        row.addWidget(self.alone)
        row.addWidget(self.save)
        row.addWidget(self.more)
