"""What a classifier sees in the teacher's and the student's image, and what sharpening the teacher's side does."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.models.feature_shares import Ranking, divergence, entropy, ranked
from cfd_studio.gui.models.films import film_of
from cfd_studio.gui.models.inspection import Contrast, Subject
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.film import Film
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.marked_slider import MarkedSlider
from cfd_studio.gui.widgets.reading import Reading
from cfd_studio.gui.widgets.share_bars import FIRST, NOTHING, SECOND, Pairs, ShareBars
from cfd_studio.gui.widgets.still import Still
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.sampling import SampleAnswer
from cfd_studio.runs.launcher import Session

OWNER = "features"
MOST_FEATURES = 24
MOST_CLASSES = 10
HUNDRED = 100  # the slider counts hundredths
LEAST, MOST = 10, 200


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
        self.stills = Still("Teacher", FIRST), Still("Student", SECOND)
        self.bars = ShareBars("Shares of the features", "feature", "teacher", "student")
        self.classes = ShareBars("Predicted classes", "class", "teacher", "student")
        self.slider = MarkedSlider()
        self.slider.setRange(LEAST, MOST)
        self.slider.setAccessibleName("Temperature")
        self.slider.setToolTip("Divides the teacher's side before the softmax: below 1 sharpens it")
        self.own = Button(tip="Back to the temperature that the stage was trained with")
        self.temperature = label("", "section")
        self.divergence = Reading(
            "KL divergence",
            "Of the teacher's shares at this temperature from the student's, in nats: the loss of the image",
        )
        self.teacher_entropy = Reading("Teacher’s entropy", "Of its shares at this temperature, in nats")
        self.student_entropy = Reading("Student’s entropy", "Of its shares, which no temperature changes, in nats")
        self.words = label("", "muted", wrap=True)
        self._lay_out()
        self.slider.valueChanged.connect(self._sharpen)
        self.own.clicked.connect(self._back_to_own)

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
        before = self._wanted
        self._wanted, self._config, self._answers = (subject, contrast), config, {}
        for still, name, steps in zip(
            self.stills,
            (contrast.teacher, contrast.student),
            (contrast.teacher_steps, contrast.student_steps),
            strict=True,
        ):
            still.show_words(f"{name}, {steps} step{'s' if steps != 1 else ''}")
        if before is None or before[1] != contrast:
            self._show_own(contrast)
        self.draw()

    def draw(self) -> None:
        """Ask for both images."""
        if self._wanted is None or self._config is None:
            return
        subject, contrast = self._wanted
        known = {stage.id: stage for stage in self._config.diffusion_stages()}
        for name in (contrast.teacher, contrast.student):
            if name not in self._answers:
                self._waiting.add(name)
                request = subject.request(self._config, known[name])
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
        for still in self.stills:
            still.show_picture(None)
        self._show_pairs()

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
        self.stills[stage == self._wanted[1].student].show_picture(film)
        if answer.error is None:
            self._answers[stage] = answer
        self._trouble = answer.error or self._trouble
        self._tell()
        self._show_pairs()
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
        self.words.setText(self._trouble or exact)

    def _show_own(self, contrast: Contrast) -> None:
        own = round(HUNDRED * contrast.matching.temperature)
        self.slider.setRange(min(LEAST, own), max(MOST, own))
        self.slider.set_mark(own if contrast.of else None)
        self.own.setText(f"{contrast.of}: {contrast.matching.temperature:g}" if contrast.of else "1")
        self.slider.setValue(own)
        self._sharpen()

    def _back_to_own(self) -> None:
        if self._wanted is not None:
            self.slider.setValue(round(HUNDRED * self._wanted[1].matching.temperature))

    def _sharpen(self) -> None:
        self.temperature.setText(f"Temperature {self.slider.value() / HUNDRED:.2f}")
        self._show_pairs()

    def _show_pairs(self) -> None:
        """Compute everything anew for the temperature of the slider: no more than a few thousand numbers."""
        if self._wanted is None or len(self._answers) < 2:
            for reading in (self.divergence, self.teacher_entropy, self.student_entropy):
                reading.show_value(None)
            self.bars.show_pairs(NOTHING)
            self.classes.show_pairs(NOTHING)
            return
        contrast = self._wanted[1]
        both = [self._answers[name] for name in (contrast.teacher, contrast.student)]
        teacher, student = (getattr(answer, contrast.matching.match)[0] for answer in both)
        temperature = self.slider.value() / HUNDRED
        self.divergence.show_value(divergence(teacher, student, temperature))
        self.teacher_entropy.show_value(entropy(teacher, temperature))
        self.student_entropy.show_value(entropy(student))
        self.bars.show_pairs(_pairs(ranked(teacher, student, temperature, MOST_FEATURES)))
        teacher, student = (answer.logits[0] for answer in both if answer.logits is not None)
        self.classes.show_pairs(_pairs(ranked(teacher, student, 1.0, MOST_CLASSES)))

    def _lay_out(self) -> None:
        self.slider.setMinimumWidth(160)
        self.temperature.setFixedWidth(128)
        head = QHBoxLayout()
        head.setSpacing(16)
        for still in self.stills:
            head.addWidget(still)
        told = QVBoxLayout()
        told.setSpacing(10)
        told.addWidget(self.words)
        readings = QHBoxLayout()
        readings.setSpacing(28)
        for reading in (self.divergence, self.teacher_entropy, self.student_entropy):
            readings.addWidget(reading)
        readings.addStretch(1)
        told.addLayout(readings)
        told.addStretch(1)
        warmth = QHBoxLayout()
        warmth.setSpacing(12)
        warmth.addWidget(self.temperature)
        warmth.addWidget(self.slider, 1)
        warmth.addWidget(self.own)
        told.addLayout(warmth)
        head.addLayout(told, 1)
        charts = QHBoxLayout()
        charts.setSpacing(24)
        for caption, chart, stretch in (
            ("SHARES, LARGEST OF THE TEACHER FIRST", self.bars, 5),
            ("PREDICTED CLASSES", self.classes, 2),
        ):
            column = QVBoxLayout()
            column.setSpacing(6)
            column.addWidget(label(caption, "caption"))
            column.addWidget(chart, 1)
            charts.addLayout(column, stretch)
        card = QFrame()
        card.setProperty("role", "card")
        inner = QVBoxLayout(card)
        inner.setContentsMargins(16, 16, 16, 12)
        inner.setSpacing(16)
        inner.addLayout(head)
        inner.addLayout(charts, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)


def _pairs(ranking: Ranking) -> Pairs:
    others = ""
    if ranking.others:
        shares = f"teacher {ranking.teacher_others:.1%}, student {ranking.student_others:.1%}"
        others = f"{ranking.others:,} others: {shares}"
    return Pairs([str(index) for index in ranking.order], ranking.teacher, ranking.student, others)
