"""Page after page of what one model draws, and the favourites among it."""

from dataclasses import replace
from functools import partial

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui import cells
from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.drawings import Drawings
from cfd_studio.gui.favourite_keys import FavouriteKeys
from cfd_studio.gui.models.pictures import arrangement
from cfd_studio.gui.widgets import dialogs
from cfd_studio.gui.widgets.buttons import Button, QuietComboBox
from cfd_studio.gui.widgets.cell import Cell
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.image_wall import ImageWall
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.lens import Lens
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, SampleRequest, in_a_row
from cfd_studio.runs.launcher import Session

PAGE = 64
_LAST = 2**31 - PAGE
_NONE_YET = "No favourites yet: choose an image and press S."
_KEYS = "Arrow keys choose, S stars"


class BrowsePage(QWidget):
    """Draws a page at a time of one of the cells that can be drawn."""

    def __init__(self, session: Session, bridge: Bridge, favourites: FavouriteKeys, lens: Lens) -> None:
        super().__init__()
        self._favourites = favourites
        self._offers: dict[str, SampleRequest] = {}
        self._start = 0
        self._keys: tuple[ImageKey, ...] = ()
        self.drawings = Drawings(session, bridge, "browse")
        self.model = QuietComboBox()
        self.model.setAccessibleName("What draws the images")
        self.model.setToolTip("Model, step count and sampler; what is ticked at the left can be chosen")
        self.seed = FieldRow(
            "Seed", text="0", tip="Image i starts from the noise of (seed, i)", wide=True, caption_width=36
        )
        self.seed.setFixedWidth(150)
        self.wall = ImageWall(lens)
        self.setFocusProxy(self.wall)
        self.words = label("", "faint")
        self.which = label("", "section")
        self.before = Button("", icon="chevron-left", tip="The page before (Page Up)")
        self.after = Button("", icon="chevron-right", tip="The next page (Page Down)")
        self.starred = Button("Favourites", icon="star", role="toggle", tip="Only the images with a star, of any seed")
        self.star = Button("Star", icon="star", tip="Keep this image among the favourites, or no longer (S)")
        self.clear = Button("Clear…", icon="trash-can", role="ghost", tip="Have no favourites any more")
        self._lay_out()
        self.model.currentIndexChanged.connect(self._draw)
        self.seed.edited.connect(self._turn_to_start)
        self.before.clicked.connect(partial(self.turn, -1))
        self.after.clicked.connect(partial(self.turn, 1))
        self.wall.paged.connect(self.turn)
        self.wall.chosen.connect(self._show_which)
        self.wall.starred.connect(self._toggle)
        self.star.clicked.connect(self._toggle_chosen)
        self.starred.toggled.connect(self._turn_to_start)
        self.clear.clicked.connect(self._clear)
        self.drawings.arrived.connect(self._arrived)
        favourites.changed.connect(self._favourites_changed)
        self._favourites_changed()

    def show_offers(self, offers: dict[str, SampleRequest], chosen: str | None = None) -> None:
        """Offer cells by what they are called, and draw the page of one: unasked, the same as before, or the last."""
        before, last = self.model.currentText(), next(reversed(offers), "")
        if offers != self._offers:
            self._offers = offers
            self.model.blockSignals(True)
            self.model.clear()
            self.model.addItems(list(offers))
            self.model.blockSignals(False)
        self.model.setCurrentText(next((one for one in (chosen, before) if one in offers), last))
        self._draw()

    def reset(self) -> None:
        """Forget what was drawn."""
        self.drawings.forget()
        self._offers, self._keys = {}, ()
        self.model.clear()
        self.wall.show_cell(Cell())

    def turn(self, way: int) -> None:
        """Show the next page, or the one before."""
        last = max(len(self._favourites.keys) - 1, 0) // PAGE * PAGE if self.starred.isChecked() else _LAST
        start = min(max(self._start + way * PAGE, 0), last)
        if start != self._start:
            self._start = start
            self._draw()

    def chosen_key(self) -> ImageKey | None:
        """Return what the chosen image was drawn from."""
        return self._keys[self.wall.index] if self.wall.index < len(self._keys) else None

    def _wanted(self) -> tuple[ImageKey, ...]:
        if self.starred.isChecked():
            return self._favourites.keys[self._start : self._start + PAGE]
        text = self.seed.text()
        whole = text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31
        self.seed.show_problem("" if whole else "A whole number")
        return in_a_row(int(text), PAGE, self._start) if whole else ()

    def _draw(self) -> None:
        """Ask for the page; the one before stays until it comes."""
        request, keys = self._offers.get(self.model.currentText()), self._wanted()
        self.drawings.cancel()
        if request is None or not keys:
            self.drawings.forget()
            self._keys = ()
            self.wall.show_cell(Cell())
            empty = _NONE_YET if self.starred.isChecked() else "Tick a model and a step count at the left."
            self.words.setText(empty)
        elif self.drawings.has("page", replace(request, keys=keys)):
            self.words.setText(_KEYS)
            self.wall.show_cell(replace(self.wall.cell, state="done"))
        else:
            self.words.setText("Drawing…")
            self.wall.show_cell(replace(self.wall.cell, state="waiting"))
            self.drawings.ask([("page", replace(request, keys=keys))])
        self._show_which()

    def _arrived(self, _: str, answer: SampleAnswer, image: QImage | None) -> None:
        if image is None:
            self._keys = ()
            self.wall.show_cell(Cell())
            self.words.setText(answer.error or "")
        else:
            self._keys = answer.request.keys
            columns, _rows = arrangement(answer.request.count)
            cell = Cell("done", image, columns, answer.request.count)
            self.wall.show_cell(cells.starred(cell, answer.request, self._favourites.keys))
            self.words.setText(_KEYS)
        self._show_which()

    def _show_which(self) -> None:
        key = self.chosen_key()
        self.which.setText(f"Seed {key.seed}, image {key.index}" if key is not None else "")
        self.star.setEnabled(key is not None)
        self.star.setText("Remove star" if key in self._favourites.keys else "Star")
        self.before.setEnabled(self._start > 0)
        more = self._start + PAGE < len(self._favourites.keys)
        self.after.setEnabled(more or not self.starred.isChecked())

    def _toggle(self, index: int) -> None:
        if index < len(self._keys):
            self._favourites.toggle(self._keys[index])

    def _toggle_chosen(self) -> None:
        self._toggle(self.wall.index)

    def _clear(self) -> None:
        count = len(self._favourites.keys)
        text = f"All {count} favourites lose their star. No run is touched."
        if dialogs.ask(self, "Clear the favourites?", text, "Clear favourites", destructive=True):
            self._favourites.clear()

    def _turn_to_start(self) -> None:
        self._start = 0
        self.seed.setEnabled(not self.starred.isChecked())
        self._draw()

    def _favourites_changed(self) -> None:
        count = len(self._favourites.keys)
        self.starred.setText(f"Favourites ({count})" if count else "Favourites")
        self.clear.setEnabled(bool(count))
        if self.starred.isChecked() and self.isVisible():
            self._start = min(self._start, max(count - 1, 0) // PAGE * PAGE)
            self._draw()
        answer = self.drawings.answers.get("page")
        if answer is not None:
            self.wall.show_cell(cells.starred(self.wall.cell, answer.request, self._favourites.keys))
        self._show_which()

    def _lay_out(self) -> None:
        for chevron in (self.before, self.after):
            chevron.setProperty("small", True)
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.addWidget(self.model, 1)
        upper.addWidget(self.seed)
        upper.addWidget(self.before)
        upper.addWidget(self.after)
        lower.addWidget(self.which)
        lower.addSpacing(12)
        lower.addWidget(self.words, 1)
        for button in (self.star, self.starred, self.clear):
            lower.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        for row in (upper, lower):
            row.setSpacing(6)
            column.addLayout(row)
        column.addWidget(self.wall, 1)
