"""What is looked at more closely: an image, and by which models."""

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from cfd_studio.gui.models.comparison import ModelRow
from cfd_studio.gui.models.inspection import Contrast, Subject
from cfd_studio.gui.subject_fields import CAPTION_WIDTH, SubjectFields
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.gui.widgets.scrolled import scrolled
from cfd_studio.gui.widgets.tick import Tick

VIEWS = ("trajectory", "features")
TRAJECTORY, FEATURES = range(len(VIEWS))


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
        self.image = SubjectFields()
        self.student = ChoiceRow("Student", {}, tip="It is compared with its own teacher", caption_width=CAPTION_WIDTH)
        self.other = ElidedLabel("", "muted")
        self.other.hide()
        self.models: dict[str, Tick] = {}
        self.button = Button("Draw", tip="Draw what is missing")
        self.button.hide()
        self._drawing = False
        self._contrasts: list[Contrast] = []
        self._models_column = QVBoxLayout()
        self._models_column.setSpacing(0)
        self._own = QStackedWidget()
        self._lay_out()
        self.image.edited.connect(self.edited)
        self.student.edited.connect(self.edited)
        self.views.idClicked.connect(self._turn)
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

    def fill(self, subject: Subject, models: list[str]) -> None:
        """Choose an image, how it is drawn, and these models; a student among them, or of one of them, is compared."""
        self.blockSignals(True)
        self.image.fill(subject)
        for name, tick in self.models.items():
            tick.setChecked(tick.isChecked() or name in models)
        theirs = [one.student for one in self._contrasts if one.student in models]
        theirs += [one.student for one in self._contrasts if one.teacher in models]
        if theirs:
            self.student.set_text(theirs[0])
        self.blockSignals(False)

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
        fields = QVBoxLayout()
        fields.setContentsMargins(16, 4, 16, 8)
        fields.setSpacing(6)
        fields.addWidget(self.other)
        fields.addWidget(self.image)
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
        scroll = scrolled(models, upright=True)
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
