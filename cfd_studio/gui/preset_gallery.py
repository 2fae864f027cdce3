"""The presets to choose from, as cards in a grid."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.preset_card import PresetCard, PresetContent
from cfd_studio.gui.widgets.scrolled import scrolled

_CARD_WIDTH, _SPACING = 270, 16
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class PresetGallery(QWidget):
    """One card per preset, and the other ways to begin.

    Signals
    -------
    chosen(str)
        The name of a preset.
    run_wanted, file_wanted
        The buttons.
    """

    chosen = Signal(str)
    run_wanted = Signal()
    file_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.cards: dict[str, PresetCard] = {}
        self.from_run = Button("From an earlier run…", icon="clone", tip="Begin with the settings of a run")
        self.from_file = Button("From a file…", icon="file-import", tip="Begin with a recipe or config in a JSON file")
        self.from_run.clicked.connect(self.run_wanted)
        self.from_file.clicked.connect(self.file_wanted)
        self._columns = 0
        self._lay_out()

    def show_presets(self, contents: dict[str, PresetContent]) -> None:
        """Make a card for every preset."""
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self.cards = {}
        for name, content in contents.items():
            card = PresetCard(content)
            card.clicked.connect(partial(self._choose, name))
            self.cards[name] = card
        self._columns = 0
        self._place()

    def mark(self, name: str) -> None:
        """Mark the preset that the form began with."""
        for other, card in self.cards.items():
            card.setChecked(other == name)

    def take_focus(self) -> None:
        """Put the keys on the marked card, or the first."""
        marked = [card for card in self.cards.values() if card.isChecked()] or list(self.cards.values())
        if marked:
            marked[0].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from card to card with the arrows."""
        cards = list(self.cards.values())
        step = _ARROWS.get(Qt.Key(event.key()))
        focused = next((index for index, card in enumerate(cards) if card.hasFocus()), None)
        if step is None or focused is None:
            super().keyPressEvent(event)
            return
        target = focused + step[0] * self._columns + step[1]
        if 0 <= target < len(cards):
            cards[target].setFocus()
            self._scroll.ensureWidgetVisible(cards[target])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use as many columns as have room."""
        super().resizeEvent(event)
        self._place()

    def _choose(self, name: str) -> None:
        self.mark(name)
        self.chosen.emit(name)

    def _place(self) -> None:
        columns = max(1, (self.width() + _SPACING) // (_CARD_WIDTH + _SPACING))
        if columns == self._columns:
            return
        for column in range(max(columns, self._grid.columnCount())):
            self._grid.setColumnStretch(column, int(column < columns))
        self._columns = columns
        for index, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, *divmod(index, columns))

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setProperty("role", "page")
        self._grid = QGridLayout()
        self._grid.setSpacing(_SPACING)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 16)
        column.addLayout(self._grid)
        column.addStretch(1)
        self._scroll = scrolled(inside, upright=True)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 8, 0)
        head.setSpacing(8)
        head.addWidget(label("Choose how to begin. Everything can be changed afterwards.", "muted", wrap=True), 1)
        head.addWidget(self.from_run)
        head.addWidget(self.from_file)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        whole.addLayout(head)
        whole.addWidget(self._scroll, 1)
