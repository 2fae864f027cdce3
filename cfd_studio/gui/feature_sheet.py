"""Two images in the eyes of a classifier: pictures, numbers, bars, and the temperature that sharpens the teacher's."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from cfd_studio.gui.models.feature_shares import Ranking, divergence, entropy, ranked
from cfd_studio.gui.models.inspection import Contrast
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.marked_slider import MarkedSlider
from cfd_studio.gui.widgets.reading import Reading
from cfd_studio.gui.widgets.share_bars import FIRST, NOTHING, SECOND, Pairs, ShareBars
from cfd_studio.gui.widgets.still import Still
from cfd_studio.protocol.sampling import SampleAnswer

MOST_FEATURES = 24
MOST_CLASSES = 10
HUNDRED = 100  # the slider counts hundredths
LEAST, MOST = 10, 200


class FeatureSheet(QFrame):
    """Shows what is known of teacher and student; the slider asks nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._contrast: Contrast | None = None
        self._seen: tuple[SampleAnswer, SampleAnswer] | None = None
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

    def show_contrast(self, contrast: Contrast) -> None:
        """Say who is compared; the slider goes to the temperature of the stage."""
        guided = f", guidance {contrast.guidance:g}" if contrast.guidance != 1 else ""
        self.stills[0].show_words(f"{contrast.teacher}, {_steps(contrast.teacher_steps)}{guided}")
        self.stills[1].show_words(f"{contrast.student}, {_steps(contrast.student_steps)}")
        if contrast == self._contrast:
            return
        self._contrast = contrast
        own = round(HUNDRED * contrast.matching.temperature)
        self.slider.setRange(min(LEAST, own), max(MOST, own))
        self.slider.set_mark(own if contrast.of else None)
        self.own.setText(f"{contrast.of}: {contrast.matching.temperature:g}" if contrast.of else "1")
        self.slider.setValue(own)
        self._sharpen()

    def show_seen(self, seen: tuple[SampleAnswer, SampleAnswer] | None) -> None:
        """Show what the classifier sees in the teacher's and in the student's image, or that nothing is known yet."""
        self._seen = seen
        self._show_pairs()

    def _back_to_own(self) -> None:
        if self._contrast is not None:
            self.slider.setValue(round(HUNDRED * self._contrast.matching.temperature))

    def _sharpen(self) -> None:
        self.temperature.setText(f"Temperature {self.slider.value() / HUNDRED:.2f}")
        self._show_pairs()

    def _show_pairs(self) -> None:
        """Compute everything anew for the temperature of the slider: no more than a few thousand numbers."""
        if self._contrast is None or self._seen is None:
            for reading in (self.divergence, self.teacher_entropy, self.student_entropy):
                reading.show_value(None)
            self.bars.show_pairs(NOTHING)
            self.classes.show_pairs(NOTHING)
            return
        teacher, student = (getattr(answer, self._contrast.matching.match)[0] for answer in self._seen)
        temperature = self.slider.value() / HUNDRED
        self.divergence.show_value(divergence(teacher, student, temperature))
        self.teacher_entropy.show_value(entropy(teacher, temperature))
        self.student_entropy.show_value(entropy(student))
        self.bars.show_pairs(_pairs(ranked(teacher, student, temperature, MOST_FEATURES)))
        teacher, student = (answer.logits[0] for answer in self._seen if answer.logits is not None)
        self.classes.show_pairs(_pairs(ranked(teacher, student, 1.0, MOST_CLASSES)))

    def _lay_out(self) -> None:
        self.slider.setMinimumWidth(120)
        self.temperature.setFixedWidth(128)
        head = QHBoxLayout()
        head.setSpacing(16)
        for still in self.stills:
            head.addWidget(still)
        told = QVBoxLayout()
        told.setSpacing(10)
        told.addWidget(self.words)
        readings = QHBoxLayout()
        readings.setSpacing(20)
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
        inner = QVBoxLayout(self)
        inner.setContentsMargins(16, 16, 16, 12)
        inner.setSpacing(16)
        inner.addLayout(head)
        inner.addLayout(charts, 1)


def _steps(count: int) -> str:
    return f"{count} step{'s' if count != 1 else ''}"


def _pairs(ranking: Ranking) -> Pairs:
    others = ""
    if ranking.others:
        shares = f"teacher {ranking.teacher_others:.1%}, student {ranking.student_others:.1%}"
        others = f"{ranking.others:,} others: {shares}"
    return Pairs([str(index) for index in ranking.order], ranking.teacher, ranking.student, others)
