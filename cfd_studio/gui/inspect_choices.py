"""What is looked at more closely: which image, drawn how, by which models."""

from collections.abc import Iterable
from typing import get_args

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from cfd_studio.gui.models.comparison import ModelRow
from cfd_studio.gui.models.inspection import Contrast, Subject
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.gui.widgets.tick import Tick
from cfd_studio.protocol.sampling import ImageKey, Sampler, SamplerName

VIEWS = ("trajectory", "features")
TRAJECTORY, FEATURES = range(len(VIEWS))
_NARROW = 62
_LARGEST = 2**31 - 1


class InspectChoices(QFrame):
    """The column at the left.

    Signals
    -------
    edited
        Something else is to be looked at.
    turned(int)
        To the trajectory or to the features.
    draw_wanted, cancel_wanted
        The button at the bottom.
    """

    edited = Signal()
    turned = Signal(int)
    draw_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setFixedWidth(256)
        self.views = QButtonGroup(self)
        for index, (words, tip) in enumerate(
            (
                ("Trajectory", "The estimate of the image at every step, teacher and students under one scrubber"),
                ("Features", "What the classifier sees in the images of a student and of its teacher"),
            )
        ):
            self.views.addButton(Button(words, role="toggle", tip=tip), index)
        self.views.button(TRAJECTORY).setChecked(True)
        self.seed = FieldRow(
            "Seed", text="0", tip="Of the noise that the image starts from", wide=True, caption_width=_NARROW
        )
        self.index = FieldRow(
            "Image",
            text="0",
            tip="Its number: image i starts from the noise of (seed, i)",
            wide=True,
            caption_width=_NARROW,
        )
        self.before = Button(icon="chevron-left", tip="The image before (PgUp)")
        self.after = Button(icon="chevron-right", tip="The next image (PgDown)")
        self.sampler = ChoiceRow(
            "Sampler",
            {name: name for name in get_args(SamplerName)},
            text="ddim",
            tip=Sampler.model_fields["name"].description or "",
            caption_width=_NARROW,
        )
        self.student = ChoiceRow("Student", {}, tip="It is compared with its own teacher", caption_width=_NARROW)
        self.other = ElidedLabel("", "muted")
        self.other.hide()
        self.models: dict[str, Tick] = {}
        self.button = Button("Draw", tip="Draw what is missing")
        self.button.hide()
        self._drawn_with = Sampler()
        self._label: int | None = None
        self._drawing = False
        self._contrasts: list[Contrast] = []
        self._models_column = QVBoxLayout()
        self._models_column.setSpacing(0)
        self._own = QStackedWidget()
        self._lay_out()
        for row in (self.seed, self.index, self.sampler, self.student):
            row.edited.connect(self.edited)
        self.views.idClicked.connect(self._turn)
        self.before.clicked.connect(lambda: self.step(-1))
        self.after.clicked.connect(lambda: self.step(1))
        self.button.clicked.connect(self._press)

    def view(self) -> int:
        """Return which of the two is in front."""
        return self.views.checkedId()

    def turn_to(self, view: int) -> None:
        """Bring one of the two to the front."""
        self.views.button(view).setChecked(True)
        self._turn(view)

    def show_models(self, rows: list[ModelRow], contrasts: list[Contrast], first: Iterable[str]) -> None:
        """Offer the trained models of a run; those in ``first`` are ticked when they first come."""
        ready = [row for row in rows if row.ready]
        if [row.key.stage for row in ready] != list(self.models):
            self._rebuild(ready, set(first))
        if contrasts != self._contrasts:
            chosen = self.student.text()
            self._contrasts = contrasts
            box = self.student.box
            box.blockSignals(True)
            box.clear()
            for contrast in contrasts:
                box.addItem(contrast.student, contrast.student)
            if box.findData(chosen) >= 0:
                self.student.set_text(chosen)
            box.blockSignals(False)

    def show_other(self, run: str) -> None:
        """Name the run whose models these are, where it is not the open one."""
        self.other.set_whole(f"Of “{run}”" if run else "")
        self.other.setVisible(bool(run))

    def chosen_models(self) -> list[str]:
        """Return the ticked models."""
        return [name for name, tick in self.models.items() if tick.isChecked()]

    def contrast(self) -> Contrast | None:
        """Return the student that is chosen, with its teacher and classifier; None where there is none."""
        chosen = self.student.text()
        return next((one for one in self._contrasts if one.student == chosen), None)

    def read(self) -> tuple[ImageKey, Sampler, int | None] | None:
        """Return image, sampler and class, or None after saying what is wrong beside the field."""
        seed, index = _whole(self.seed), _whole(self.index)
        name = next(one for one in get_args(SamplerName) if one == self.sampler.text())
        if name != self._drawn_with.name:
            self._drawn_with = self._drawn_with.model_copy(update={"name": name})
        return None if seed is None or index is None else (ImageKey(seed, index), self._drawn_with, self._label)

    def fill(self, subject: Subject, models: list[str]) -> None:
        """Choose an image, how it is drawn, and these models; a student among them, or of one of them, is compared."""
        self.blockSignals(True)
        self.seed.set_text(str(subject.key.seed))
        self.index.set_text(str(subject.key.index))
        self._drawn_with, self._label = subject.sampler, subject.label
        self.sampler.set_text(subject.sampler.name)
        for name, tick in self.models.items():
            tick.setChecked(tick.isChecked() or name in models)
        theirs = [one.student for one in self._contrasts if one.student in models]
        theirs += [one.student for one in self._contrasts if one.teacher in models]
        if theirs:
            self.student.set_text(theirs[0])
        self.blockSignals(False)

    def step(self, by: int) -> None:
        """Go to an image before or after."""
        index = _whole(self.index)
        if index is not None and 0 <= index + by <= _LARGEST:
            self.index.set_text(str(index + by))

    def show_state(self, *, drawing: bool, lacking: bool) -> None:
        """Offer *Cancel* while something is drawn, and *Draw* where something was dropped."""
        self._drawing = drawing
        self.button.setText("Cancel" if drawing else "Draw")
        self.button.setToolTip("Stop drawing" if drawing else "Draw what is missing")
        self.button.setVisible(drawing or lacking)

    def _press(self) -> None:
        (self.cancel_wanted if self._drawing else self.draw_wanted).emit()

    def _turn(self, view: int) -> None:
        self._own.setCurrentIndex(view)
        self.turned.emit(view)

    def _rebuild(self, rows: list[ModelRow], first: set[str]) -> None:
        ticked = {name for name, tick in self.models.items() if tick.isChecked()}
        known = set(self.models)
        for old in self.models.values():
            old.hide()
            old.deleteLater()
        self.models = {
            row.key.stage: Tick(row.key.stage, f"{row.own_steps} step{'s' if row.own_steps != 1 else ''}")
            for row in rows
        }
        for name, tick in self.models.items():
            tick.setChecked(name in ticked if name in known else name in first)
            tick.setToolTip(f"Show {name} as a row")
            tick.clicked.connect(self.edited)
            self._models_column.addWidget(tick)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 16, 16, 8)
        head.setSpacing(8)
        for button in self.views.buttons():
            head.addWidget(button, 1)
        which = QHBoxLayout()
        which.setSpacing(6)
        which.addWidget(self.index, 1)
        for button in (self.before, self.after):
            button.setFixedWidth(32)
            button.setProperty("small", True)
            which.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        fields = QVBoxLayout()
        fields.setContentsMargins(16, 4, 16, 8)
        fields.setSpacing(6)
        fields.addWidget(self.other)
        fields.addWidget(label("IMAGE", "caption"))
        fields.addWidget(self.seed)
        fields.addLayout(which)
        fields.addWidget(self.sampler)
        models = QWidget()
        models.setProperty("role", "page")
        ticks = QVBoxLayout(models)
        ticks.setContentsMargins(10, 4, 10, 4)
        ticks.setSpacing(0)
        caption = label("MODELS", "caption")
        caption.setContentsMargins(6, 0, 0, 4)
        ticks.addWidget(caption)
        ticks.addLayout(self._models_column)
        ticks.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(models)
        pair = QWidget()
        compared = QVBoxLayout(pair)
        compared.setContentsMargins(16, 4, 16, 4)
        compared.setSpacing(6)
        compared.addWidget(label("COMPARED WITH ITS TEACHER", "caption"))
        compared.addWidget(self.student)
        compared.addStretch(1)
        self._own.addWidget(scroll)
        self._own.addWidget(pair)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 8, 16, 16)
        foot.addWidget(self.button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(fields)
        column.addWidget(self._own, 1)
        column.addLayout(foot)


def _whole(row: FieldRow) -> int | None:
    text = row.text()
    sound = text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _LARGEST
    row.show_problem("" if sound else "A whole number")
    return int(text) if sound else None
