"""The grid of samples: what is asked for, what comes, and what stands below it."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui import cells
from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.compare_sheet import Setting, result
from cfd_studio.gui.drawings import Drawings
from cfd_studio.gui.favourite_keys import FavouriteKeys
from cfd_studio.gui.models.comparison import ColumnKey, ModelRow, Place, refusal, steps_words, wish
from cfd_studio.gui.models.lineup import Lineup
from cfd_studio.gui.widgets.cell import Cell
from cfd_studio.gui.widgets.fitted_area import FittedArea
from cfd_studio.gui.widgets.grid_layout import Heading
from cfd_studio.gui.widgets.labels import ElidedLabel
from cfd_studio.gui.widgets.lens import Lens
from cfd_studio.gui.widgets.progress_line import ProgressLine
from cfd_studio.gui.widgets.sample_grid import SampleGrid
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, SampleRequest
from cfd_studio.protocol.sheets import SheetCell
from cfd_studio.runs.launcher import Session

_KEY = "Same noise in every cell · time per image · own step count outlined · click A, Shift+click B, C compares"


class GridPage(QWidget):
    """Draws cells, and keeps what stands in them up to date.

    Signals
    -------
    changed
        Drawing began, went on or ended.
    """

    changed = Signal()

    def __init__(self, session: Session, bridge: Bridge, favourites: FavouriteKeys, lens: Lens) -> None:
        super().__init__()
        self.drawings = Drawings(session, bridge, "compare")
        self.grid = SampleGrid(lens)
        self.area = FittedArea(self.grid)
        self.words = ElidedLabel("", "muted")
        self.progress = ProgressLine(4)
        self.setting: Setting | None = None
        self.lineup = Lineup()
        self._favourites = favourites
        self._in_sight: set[Place] = set()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.progress)
        column.addWidget(self.area, 1)
        self.progress.hide()
        self.area.room_changed.connect(self.grid.set_room)
        self.area.moved.connect(self._look)
        self.drawings.arrived.connect(self._arrived)
        favourites.changed.connect(self._show_stars)

    def reset(self) -> None:
        """Forget what was drawn."""
        self.drawings.forget()
        self.setting = None
        self.grid.set_shape([], [])
        self._tell()

    def say(self, sentence: str) -> None:
        """Say something above the grid, until there is news of the drawing."""
        self.words.set_whole(sentence)

    def show_lineup(self, lineup: Lineup) -> None:
        """Take what is known of the models now, and put new figures below the cells."""
        self.lineup = lineup
        if any(row.key not in lineup.rows for row in self.grid.rows):
            self._leave_out()
        for place, answer in self.drawings.answers.items():
            cell = self.grid.cells[place]
            if cell.state == "done" and place[0] in lineup.rows:
                known = lineup.quality(place, str(answer.request.sampler))
                if known.note != cell.note:
                    self.grid.set_cell(place, cells.judged(cell, known))

    def draw(self, setting: Setting, device: str) -> None:
        """Ask for every cell that is not drawn just so; what is there stays until its replacement comes."""
        self.cancel()
        self.setting = setting
        rows, columns = [self.lineup.rows[model] for model in setting.models], setting.columns(self.lineup.rows)
        several = len(setting.runs) > 1
        self.grid.set_shape(
            [_row_heading(row, several=several) for row in rows],
            [_column_heading(column, plain=len(setting.samplers) == 1) for column in columns],
        )
        self.drawings.keep(self.grid.places())
        wanted: list[tuple[Place, SampleRequest]] = []
        for row in rows:
            for column in columns:
                wanted += self._prepare(row, column, setting, device)
        self._in_sight = self.grid.keys_in_sight()
        self.drawings.ask(sorted(wanted, key=lambda one: one[0] not in self._in_sight))
        self._tell()

    def draw_again(self, place: Place) -> None:
        """Ask for one cell anew."""
        request = self.drawings.answers[place].request
        self.grid.set_cell(place, cells.waiting(self.grid.cells[place]))
        self.drawings.ask([(place, request)])
        self._tell()

    def cancel(self) -> None:
        """Drop what is not drawn yet."""
        dropped = self.drawings.cancel()
        for place in dropped:
            self.grid.set_cell(place, cells.dropped(self.grid.cells[place]))
        if dropped:
            self._tell(cancelled=True)

    def results(self) -> tuple[SheetCell, ...]:
        """Return what was drawn, row by row."""
        found = []
        for place in self.grid.places():
            answer = self.drawings.answers.get(place)
            if answer is not None:
                known = self.lineup.quality(place, str(answer.request.sampler))
                found.append(result(place, self.lineup.rows[place[0]], answer, known))
        return tuple(found)

    def picked_key(self, place: Place) -> ImageKey | None:
        """Return what the picked image of a cell was drawn from."""
        answer = self.drawings.answers.get(place)
        keys = answer.request.keys if answer is not None else ()
        return keys[self.grid.picked] if self.grid.picked < len(keys) else None

    def offers(self, setting: Setting, device: str) -> dict[str, SampleRequest]:
        """Return all that could be drawn with a setting, by what it is called, the fewest steps last."""
        found = {}
        for column in setting.columns(self.lineup.rows):
            for model in setting.models:
                row = self.lineup.rows[model]
                if not refusal(row, column, setting.label)[0]:
                    title = self.lineup.title((model, column))
                    found[title] = wish(row, column, setting.keys, setting.label, device)
        return found

    def _leave_out(self) -> None:
        """Take the rows of runs away that are no longer among those that can be drawn."""
        self.cancel()
        kept = [row for row in self.grid.rows if row.key in self.lineup.rows]
        self.grid.set_shape(kept, self.grid.columns)
        self.drawings.keep(self.grid.places())
        if self.setting is not None:
            left = tuple(model for model in self.setting.models if model in self.lineup.rows)
            self.setting = replace(self.setting, models=left) if left else None

    def _prepare(
        self, row: ModelRow, column: ColumnKey, setting: Setting, device: str
    ) -> list[tuple[Place, SampleRequest]]:
        """Set up a cell; return what is to be drawn of it."""
        place, old = (row.key, column), self.grid.cells.get((row.key, column), Cell())
        request = wish(row, column, setting.keys, setting.label, device)
        asked = setting.asks_for(row, column.sampling_steps)
        if asked and self.drawings.has(place, request):
            return []
        count = len(setting.keys)
        self.grid.set_cell(place, cells.prepared(old, row, column, setting.label, asked=asked, count=count))
        return [(place, request)] if self.grid.cells[place].state == "waiting" else []

    def _arrived(self, place: Place, answer: SampleAnswer, image: QImage | None) -> None:
        if image is None:
            self.grid.set_cell(place, cells.failed(self.grid.cells[place], answer.error or ""))
        else:
            known = self.lineup.quality(place, str(answer.request.sampler))
            cell = cells.drawn(answer, image, self.lineup.rows[place[0]], known)
            self.grid.set_cell(place, cells.starred(cell, answer.request, self._favourites.keys))
        self._tell(error=answer.error)

    def _show_stars(self) -> None:
        for place, answer in self.drawings.answers.items():
            self.grid.set_cell(place, cells.starred(self.grid.cells[place], answer.request, self._favourites.keys))

    def _look(self) -> None:
        """Have what came into sight drawn first."""
        seen = self.grid.keys_in_sight()
        fresh = [place for place in self.grid.places() if place in seen - self._in_sight]
        self._in_sight = seen
        self.grid.update()  # the headings stay where they are while the cells move
        self.drawings.hurry(fresh[::-1])

    def _tell(self, *, cancelled: bool = False, error: str | None = None) -> None:
        left, asked = len(self.drawings.open), self.drawings.asked
        self.progress.setVisible(bool(left))
        self.progress.show_fraction(1 - left / max(asked, 1))
        if error:
            self.say(error)
        elif left:
            self.say(f"Drawing: {asked - left} of {asked} cells")
        else:
            self.say("Cancelled; what was drawn stays." if cancelled else _KEY)
        self.changed.emit()


def _row_heading(row: ModelRow, *, several: bool) -> Heading:
    tip = f"{row.words} of {row.run_name}\n{row.key.run}"
    return Heading(row.key, row.title, row.words, row.run_name if several else "", tip)


def _column_heading(column: ColumnKey, *, plain: bool) -> Heading:
    words = steps_words(column.sampling_steps)
    sampler = "" if plain and str(column.sampler) == "ddim" else str(column.sampler)
    return Heading(column, words, sampler, tip=f"{words} of {column.sampler}")
