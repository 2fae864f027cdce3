"""One image looked at more closely: its way from noise, and what the classifier sees in it."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.feature_view import FeatureView
from cfd_studio.gui.inspect_choices import TRAJECTORY, InspectChoices
from cfd_studio.gui.models.comparison import model_rows
from cfd_studio.gui.models.inspection import Subject, contrasts, few_step_models
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.trajectory_view import TrajectoryView
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.sampling import ImageKey
from cfd_studio.runs.launcher import Session

_NOTHING = "No model is trained yet. As soon as the teacher is, its way from noise to an image can be followed here."
_NO_STUDENT = (
    "Nothing to compare yet: this needs a trained student, its teacher,\nand a trained classifier to see both through."
)
_NO_MODEL = "Tick a model to follow it from noise to image."
_TYPING_MILLISECONDS = 150


class InspectPanel(QWidget):
    """Shows one of two views of an image; what it lacks is drawn as soon as the view is in sight."""

    def __init__(self, session: Session, bridge: Bridge) -> None:
        super().__init__()
        self.choices = InspectChoices()
        self.trajectory = TrajectoryView(session, bridge)
        self.features = FeatureView(session, bridge)
        self.hint = label(_NOTHING, "muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._views = (self.trajectory, self.features)
        self._snapshot: RunSnapshot | None = None
        self._front = QStackedWidget()
        for page in (*self._views, self.hint):
            self._front.addWidget(page)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.choices)
        row.addWidget(self._front, 1)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_TYPING_MILLISECONDS)
        self._typed.timeout.connect(self._show)
        self.choices.edited.connect(self._typed.start)
        self.choices.turned.connect(self._turn)
        self.choices.draw_wanted.connect(self._draw)
        self.choices.cancel_wanted.connect(self._cancel)
        for view in self._views:
            view.changed.connect(self._tell)

    def show_snapshot(self, snapshot: RunSnapshot, other: str) -> None:
        """Offer what is trained by now; ``other`` names the run where it is not the open one."""
        self._take(snapshot)
        self.choices.show_other(other)
        self._show()

    def inspect(self, snapshot: RunSnapshot, view: int, subject: Subject, models: list[str]) -> None:
        """Look at an image of a run."""
        self._take(snapshot)
        self.choices.fill(subject, models)
        self.choices.turn_to(view)

    def leave(self) -> None:
        """Draw nothing any more; called when another page comes to the front."""
        self._typed.stop()
        for view in self._views:
            view.leave()

    def reset(self) -> None:
        """Forget everything; called when another run is opened."""
        self._typed.stop()
        self._snapshot = None
        for view in self._views:
            view.reset()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the image before or after with the page keys."""
        button = {Qt.Key.Key_PageUp: self.choices.image.before, Qt.Key.Key_PageDown: self.choices.image.after}.get(
            Qt.Key(event.key())
        )
        if button is not None:
            button.click()
        else:
            super().keyPressEvent(event)

    def _turn(self, _view: int) -> None:
        self.leave()
        self._show()

    def _show(self) -> None:
        """Bring the view in front up to date with what is chosen."""
        snapshot, read = self._snapshot, self.choices.image.read()
        if snapshot is None or read is None:
            self._front.setCurrentIndex(self.choices.view())
            return
        key, sampler, label_of = read
        subject = Subject(snapshot.path, key, sampler, label_of)
        if self.choices.view() == TRAJECTORY:
            models = self.choices.chosen_models()
            self._say("" if models else _NO_MODEL if self.choices.models else _NOTHING)
            self.trajectory.show_models(subject, snapshot.config, models)
        else:
            contrast = self.choices.contrast()
            self._say("" if contrast is not None else _NO_STUDENT)
            if contrast is not None:
                self.features.show_contrast(subject, snapshot.config, contrast)
        self._tell()

    def _say(self, hint: str) -> None:
        self.hint.setText(hint)
        self._front.setCurrentWidget(self.hint if hint else self._views[self.choices.view()])

    def _take(self, snapshot: RunSnapshot) -> None:
        new = self._snapshot is None or self._snapshot.path != snapshot.path
        if new:
            self.reset()
        self._snapshot = snapshot
        self.choices.show_models(model_rows(snapshot), contrasts(snapshot), few_step_models(snapshot))
        if new:
            self.choices.fill(Subject(snapshot.path, ImageKey(0, 0), snapshot.config.evaluation.sampler), [])

    def _draw(self) -> None:
        self._views[self.choices.view()].draw()

    def _cancel(self) -> None:
        self._views[self.choices.view()].cancel()

    def _tell(self) -> None:
        view = self._views[self.choices.view()]
        self.choices.show_state(drawing=view.drawing, lacking=view.lacking)
