"""What a classifier sees in the teacher's and the student's image, and what sharpening the teacher's side does."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.feature_sheet import FeatureSheet
from cfd_studio.gui.models.films import film_of
from cfd_studio.gui.models.inspection import Contrast, Subject
from cfd_studio.gui.widgets.film import Film
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.sampling import SampleAnswer
from cfd_studio.runs.launcher import Session

OWNER = "features"


class FeatureView(QWidget):
    """Asks the session for two images and their features; the slider then asks nobody.

    Signals
    -------
    changed
        Something arrived, or is drawn no longer.
    """

    changed = Signal()

    def __init__(self, session: Session, bridge: Bridge) -> None:
        super().__init__()
        self._session = session
        self._bridge = bridge
        self._round = 0
        self._wanted: tuple[Subject, Contrast] | None = None
        self._config: RunConfig | None = None
        self._answers: dict[str, SampleAnswer] = {}
        self._waiting: set[str] = set()
        self._trouble = ""
        self.sheet = FeatureSheet()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.sheet)

    @property
    def drawing(self) -> bool:
        """Whether an image is still to come."""
        return bool(self._waiting)

    @property
    def lacking(self) -> bool:
        """Whether an image was dropped, or could not be drawn."""
        return self._wanted is not None and not self._waiting and len(self._answers) < 2

    def show_contrast(self, subject: Subject, config: RunConfig, contrast: Contrast) -> None:
        """Show an image as a student and its teacher draw it, and as a classifier sees both."""
        if (subject, contrast) == self._wanted:
            return
        self._drop()
        self._wanted, self._config, self._answers = (subject, contrast), config, {}
        self.sheet.show_seen(None)  # what it shows is of another image
        self.sheet.show_contrast(contrast)
        self.draw()

    def draw(self) -> None:
        """Ask for both images."""
        if self._wanted is None or self._config is None:
            return
        subject, contrast = self._wanted
        guided = subject.sampler.model_copy(update={"guidance": contrast.guidance})
        known = {stage.id: stage for stage in self._config.diffusion_stages()}
        for name in (contrast.teacher, contrast.student):
            if name not in self._answers:
                self._waiting.add(name)
                self.sheet.stills[name == contrast.student].wait()
                request = replace(subject, sampler=guided).request(self._config, known[name])
                request = replace(request, classifier=contrast.classifier, classifier_input=contrast.fed)
                self._session.request(request, partial(self._answer, self._round), owner=OWNER)
        self._trouble = ""
        self._tell()
        self.changed.emit()

    def cancel(self) -> None:
        """Drop what is not drawn yet."""
        if self._waiting:
            self._drop()
            self._trouble = "Cancelled."
            self._tell()
            self.changed.emit()

    def leave(self) -> None:
        """Drop what is not drawn yet until it is asked for again."""
        if self._waiting:
            self._drop()
            self._wanted = None

    def reset(self) -> None:
        """Forget everything; called when another run is opened."""
        self._drop()
        self._wanted, self._answers = None, {}
        for still in self.sheet.stills:
            still.show_picture(None)
        self.sheet.show_seen(None)

    def _drop(self) -> None:
        if self._waiting:
            self._session.cancel(OWNER)
        self._waiting.clear()
        self._round += 1

    def _answer(self, asked: int, answer: SampleAnswer) -> None:
        """Make a picture on the session's thread."""
        film = film_of(answer.images, (0,)) if answer.images is not None else None
        self._bridge.post(partial(self._arrived, asked, answer, film))

    def _arrived(self, asked: int, answer: SampleAnswer, film: Film | None) -> None:
        if asked != self._round or self._wanted is None:
            return
        stage = answer.request.stage
        self._waiting.discard(stage)
        contrast = self._wanted[1]
        self.sheet.stills[stage == contrast.student].show_picture(film)
        if answer.error is None:
            self._answers[stage] = answer
        self._trouble = answer.error or self._trouble
        self._tell()
        both = self._answers.get(contrast.teacher), self._answers.get(contrast.student)
        self.sheet.show_seen((both[0], both[1]) if both[0] is not None and both[1] is not None else None)
        self.changed.emit()

    def _tell(self) -> None:
        """Name exactly what is compared, or say why it is not."""
        assert self._wanted is not None
        subject, contrast = self._wanted
        used = f"as {contrast.of} was trained" if contrast.of else "the run distils with no classifier"
        exact = (
            f"{subject.words[:1].upper()}{subject.words[1:]}: finished images from the same noise. "
            f"{contrast.matching.match.capitalize()} of {contrast.sees}, {contrast.fed} input, {used}."
        )
        self.sheet.words.setText(self._trouble or exact)
