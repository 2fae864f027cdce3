"""The sampling panel: models beside models, from the same noise."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from cfd_studio.gui import cells
from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.compare_choices import CompareChoices
from cfd_studio.gui.models.comparison import (
    FEW_STEPS,
    ModelRow,
    block_image,
    model_rows,
    quality_note,
    step_choices,
)
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.sheet_menu import SheetMenu
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.fitted_area import FittedArea
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.picture_dialog import PictureDialog
from cfd_studio.gui.widgets.progress_line import ProgressLine
from cfd_studio.gui.widgets.sample_grid import Cell, SampleGrid
from cfd_studio.protocol.sampling import DDIM, ImageKey, SampleAnswer, SampleRequest, in_a_row
from cfd_studio.protocol.sheets import Sheet, SheetColumn, SheetModel
from cfd_studio.runs.launcher import Session

_HINT = (
    "Tick models and step counts, then press Generate.\n"
    "Image i starts from the same noise in every cell, so what differs is the model."
)
_NOTHING = "No model is trained yet. The teacher can be drawn from as soon as it is."
_KEY = "Same noise in every cell · own step count outlined · click a cell to enlarge it"


class ComparePanel(QWidget):
    """Draws samples of any trained model through the session, whether or not a job works.

    Signals
    -------
    save_wanted(object)
        The picture of the grid.
    """

    save_wanted = Signal(object)

    def __init__(self, session: Session, bridge: Bridge) -> None:
        super().__init__()
        self._session = session
        self._bridge = bridge
        self.device = "auto"
        self.choices = CompareChoices()
        self.grid = SampleGrid()
        self.area = FittedArea(self.grid)
        self.save = Button("Save as PNG", icon="image", tip="Save the grid as a picture")
        self.save.setEnabled(False)
        self.more = SheetMenu()
        self.words = label("", "muted")
        self.progress = ProgressLine(4)
        self.hint = label(_HINT, "muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._run: Path | None = None
        self._snapshot: RunSnapshot | None = None
        self._rows: dict[str, ModelRow] = {}
        self._keys: tuple[ImageKey, ...] | None = None
        self._sampler = DDIM
        self._round = 0
        self._open: set[tuple[str, str]] = set()
        self._drawn_with: dict[tuple[str, str], str] = {}
        self._asked = 0
        self._lay_out()
        self.area.room_changed.connect(self.grid.set_room)
        self.grid.enlarged.connect(self._enlarge)
        self.choices.generate_wanted.connect(self.generate)
        self.choices.cancel_wanted.connect(self.cancel)
        self.save.clicked.connect(self._save)

    @property
    def drawing(self) -> bool:
        """Whether cells are still to come."""
        return bool(self._open)

    def reset(self) -> None:
        """Forget what was drawn; called when another run is opened."""
        if self._open:
            self.cancel()
        self._run, self._snapshot, self._keys = None, None, None
        self.grid.set_shape([], [])
        self._front.setCurrentIndex(0)
        self.save.setEnabled(False)
        self.words.setText("")

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Offer what can be drawn, and put new figures below the cells."""
        self._snapshot, self._run = snapshot, snapshot.path
        rows = model_rows(snapshot)
        self._rows = {row.id: row for row in rows}
        self.choices.show_models(snapshot.config, rows, step_choices(snapshot))
        self.hint.setText(_HINT if any(row.ready for row in rows) else _NOTHING)
        for (stage, column), cell in list(self.grid.cells.items()):
            if cell.state == "done":
                note, tip = quality_note(snapshot, stage, int(column), self._drawn_with[stage, column])
                if note != cell.note:
                    self.grid.set_cell(stage, column, cells.judged(cell, note, tip))

    def few_step_models(self) -> list[str]:
        """Return the teacher and every student of few steps: what a person wants to see side by side."""
        most = max((row.own_steps for row in self._rows.values()), default=0)
        return [row.id for row in self._rows.values() if row.own_steps == most or row.own_steps <= FEW_STEPS[0]]

    def generate(self) -> None:
        """Ask for every ticked cell; what is there stays until its replacement comes."""
        numbers, drawn_with = self.choices.numbers(), self.choices.sampler.read()
        models = self.choices.chosen_models()
        steps = self.choices.chosen_steps()
        own = self.choices.own.isChecked()
        if numbers is None or drawn_with is None or self._run is None or self._snapshot is None:
            return
        if not models or not (steps or own):
            self.words.setText("Tick at least one model and one step count.")
            return
        self.cancel()
        self._round += 1
        counts = sorted({*steps, *(self._rows[name].own_steps for name in models if own)}, reverse=True)
        self.grid.set_shape(
            [(name, self._rows[name].words) for name in models],
            [(str(count), f"{count} step{'s' if count != 1 else ''}") for count in counts],
        )
        wanted = [
            (name, count)
            for name in models
            for count in counts
            if self._prepare(
                name, count, asked=count in steps or (own and count == self._rows[name].own_steps), shape=numbers[1]
            )
        ]
        self._open = {(name, str(count)) for name, count in wanted}
        self._asked = len(wanted)
        self._front.setCurrentIndex(1)
        self._tell()
        # The session draws the newest wish first, so the first cell is wished for last.
        keys = self._keys = in_a_row(*numbers)
        self._sampler = drawn_with[0]
        for name, count in reversed(wanted):
            config = self._snapshot.config
            sampler = config.sampler_for(config.stage(name), drawn_with[0])
            request = SampleRequest(self._run, name, count, keys, self.device, sampler, drawn_with[1])
            self._session.request(request, partial(self._answer, self._round))

    def sheet(self) -> Sheet | None:
        """Return the setting with which the samples were drawn, or None before the first."""
        if self._run is None or self._keys is None:
            return None
        models, counts = (dict.fromkeys(part) for part in zip(*self.grid.cells, strict=True))
        return Sheet(
            models=tuple(SheetModel(run=str(self._run), stage=name) for name in models),
            columns=tuple(SheetColumn(sampling_steps=int(count), sampler=self._sampler) for count in counts),
            keys=tuple((key.seed, key.index) for key in self._keys),
        )

    def restore(self, sheet: Sheet) -> None:
        """Draw a sheet again; models of other runs are left out."""
        models = [model.stage for model in sheet.models if model.folder == self._run and model.stage in self._rows]
        self.choices.choose(models, [column.sampling_steps for column in sheet.columns if column.sampling_steps])
        self.choices.own.setChecked(False)
        self.generate()

    def picture(self) -> QImage:
        """Return the grid as a picture."""
        return self.grid.grab().toImage()

    def cancel(self) -> None:
        """Drop what is not drawn yet."""
        if not self._open:
            return
        self._session.cancel()
        self._round += 1
        for name, column in self._open:
            self.grid.set_cell(name, column, cells.dropped(self._cell((name, column))))
        self._open.clear()
        self._tell(cancelled=True)

    def _prepare(self, name: str, count: int, *, asked: bool, shape: int) -> bool:
        """Set up a cell; return whether it is to be drawn."""
        key = (name, str(count))
        self.grid.set_cell(*key, cells.prepared(self._cell(key), self._rows[name], count, asked=asked, count=shape))
        return self.grid.cells[key].state == "waiting"

    def _cell(self, key: tuple[str, str]) -> Cell:
        return self.grid.cells.get(key, Cell())

    def _answer(self, asked: int, answer: SampleAnswer) -> None:
        """Take an answer on the session's thread."""
        image = block_image(answer.images) if answer.images is not None else None
        self._bridge.post(partial(self._arrived, asked, answer, image))

    def _arrived(self, asked: int, answer: SampleAnswer, image: QImage | None) -> None:
        request = answer.request
        key = (request.stage, str(request.sampling_steps))
        if asked != self._round or key not in self._open or self._snapshot is None:
            return
        self._open.discard(key)
        if image is None:
            self.grid.set_cell(*key, cells.failed(self._cell(key), answer.error or ""))
        else:
            self._drawn_with[key] = str(request.sampler)
            self.grid.set_cell(*key, cells.drawn(answer, image, self._rows[request.stage], self._snapshot))
        self._tell(error=answer.error)

    def _tell(self, *, cancelled: bool = False, error: str | None = None) -> None:
        left = len(self._open)
        self.choices.show_drawing(bool(left))
        self.progress.setVisible(bool(left))
        self.progress.show_fraction(1 - left / max(self._asked, 1))
        drawn = any(cell.image is not None for cell in self.grid.cells.values())
        self.save.setEnabled(drawn)
        if error:
            self.words.setText(error)
        elif left:
            self.words.setText(f"Drawing: {self._asked - left} of {self._asked} cells")
        else:
            self.words.setText("Cancelled; what was drawn stays." if cancelled else _KEY)

    def _enlarge(self, name: str, column: str) -> None:
        cell = self.grid.cells[name, column]
        words = " · ".join(part for part in (cell.caption, cell.note) if part)
        steps = f"{column} step{'s' if column != '1' else ''}"
        dialog = PictureDialog(self, f"{name}, {steps}", words, cell)
        dialog.open()

    def _save(self) -> None:
        self.save_wanted.emit(self.picture())

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self.words, 1)
        head.addWidget(self.save)
        head.addWidget(self.more)
        drawn = QWidget()
        right = QVBoxLayout(drawn)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(8)
        right.addLayout(head)
        right.addWidget(self.progress)
        right.addWidget(self.area, 1)
        self.progress.hide()
        stack = QWidget()
        self._front = QStackedLayout(stack)
        self._front.addWidget(self.hint)
        self._front.addWidget(drawn)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.choices)
        row.addWidget(stack, 1)
