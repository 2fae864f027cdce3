"""What is to be measured besides what the training measured."""

from typing import get_args

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import describe
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.scrolled import scrolled
from cfd_studio.gui.widgets.tick import Tick
from cfd_studio.protocol.config import EvaluationConfig
from cfd_studio.protocol.sampling import Sampler, SamplerName
from cfd_studio.protocol.wishes import Wishes

_CAPTION = 72
_MOST_STEPS = 8192
_LEAST, _MOST = 16, 1_000_000


class EvaluateDialog(QDialog):
    """Asks which models are to be measured, and how.

    Signals
    -------
    wanted(object)
        The `Wishes`.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget, snapshot: RunSnapshot) -> None:
        super().__init__(parent)
        self.setWindowTitle("Evaluate")
        config, evaluation = snapshot.config, snapshot.config.evaluation
        trained = [stage for stage in config.diffusion_stages() if snapshot.stages[stage.id].trained]
        self.models = {stage.id: Tick(stage.id, describe(config, stage)) for stage in trained}
        self.steps = FieldRow(
            "Steps",
            tip="Sampling steps, separated by commas; a model leaves out those that it was not made for",
            empty="own, and every halving of it",
            wide=True,
            caption_width=_CAPTION,
        )
        self.samples = FieldRow(
            "Samples",
            text=str(evaluation.samples),
            tip=EvaluationConfig.model_fields["samples"].description or "",
            wide=True,
            caption_width=_CAPTION,
        )
        self.own = Tick("Students at their own steps only")
        self.own.setToolTip("And with the first sampler only; steps and further samplers are then the teacher's")
        self._own_sampler = evaluation.sampler
        self.samplers: dict[SamplerName, Tick] = {name: Tick(name) for name in get_args(SamplerName)}
        self.samplers[evaluation.sampler.name].setChecked(True)
        self.inception = Tick("Inception: FID, KID, Inception score")
        self.inception.setToolTip("Its weights are fetched the first time; it takes minutes without a GPU")
        self.inception.setChecked(evaluation.inception)
        self.inception.setEnabled(not evaluation.inception)
        self.problem = label("", "problem", wrap=True)
        self.accepting = Button("Evaluate", icon="gauge-high", role="primary", tip="Measure, and keep the figures")
        self.refusing = Button("Cancel", tip="Measure nothing")
        for tick in self.models.values():
            tick.setChecked(True)
        for tick in (*self.models.values(), *self.samplers.values()):
            tick.clicked.connect(self._check)
        for row in (self.steps, self.samples):
            row.edited.connect(self._check)
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)
        self._lay_out()

    def wishes(self) -> Wishes | None:
        """Return what is wished for, or None after saying what is wrong beside the field."""
        steps, samples = self._steps(), self._samples()
        stages = [name for name, tick in self.models.items() if tick.isChecked()]
        samplers = [self._sampler(name) for name, tick in self.samplers.items() if tick.isChecked()]
        missing = ("" if samplers else "Tick a sampler.") if stages else "Tick a model."
        self.problem.setText(missing)
        if missing or steps is None or samples is None:
            return None
        return Wishes(
            stages=() if len(stages) == len(self.models) else tuple(stages),
            steps=steps,
            own=self.own.isChecked(),
            samples=samples,
            samplers=tuple(samplers),
            inception=self.inception.isChecked(),
        )

    def _steps(self) -> tuple[int, ...] | None:
        parts = [part.strip() for part in self.steps.text().split(",") if part.strip()]
        good = all(part.isascii() and part.isdigit() and 0 < int(part[:9]) <= _MOST_STEPS for part in parts)
        self.steps.show_problem("" if good else f"Use numbers from 1 to {_MOST_STEPS:,}, as in 1, 2, 4")
        return tuple(int(part) for part in parts) if good else None

    def _samples(self) -> int | None:
        text = self.samples.text().replace(",", "").replace(" ", "")
        good = text.isascii() and text.isdigit() and len(text) < 10 and _LEAST <= int(text) <= _MOST
        self.samples.show_problem("" if good else f"Use {_LEAST:,} to {_MOST:,}")
        return int(text) if good else None

    def _sampler(self, name: SamplerName) -> Sampler:
        return self._own_sampler if name == self._own_sampler.name else Sampler(name=name)

    def _check(self) -> None:
        self.accepting.setEnabled(self.wishes() is not None)

    def _accept(self) -> None:
        if (wishes := self.wishes()) is not None:
            self.wanted.emit(wishes)
            self.accept()

    def _lay_out(self) -> None:
        card = QFrame()
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(_scrolled(list(self.models.values())))
        left = QVBoxLayout()
        left.setSpacing(6)
        left.addWidget(label("MODELS", "caption"))
        left.addWidget(card, 1)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(label("HOW", "caption"))
        right.addWidget(self.steps)
        right.addWidget(self.samples)
        right.addWidget(self.own)
        right.addSpacing(8)
        right.addWidget(label("SAMPLERS", "caption"))
        for tick in (*self.samplers.values(), self.inception):
            if tick is self.inception:
                right.addSpacing(8)
                right.addWidget(label("JUDGED BY", "caption"))
            right.addWidget(tick)
        right.addStretch(1)
        halves = QHBoxLayout()
        halves.setSpacing(20)
        halves.addLayout(left, 1)
        halves.addLayout(right, 1)
        self.accepting.setDefault(True)
        column = dialog_column(self)
        column.addWidget(label("Evaluate", "title"))
        words = "The figures are kept in the run, beside those that its training took. Training goes on meanwhile."
        column.addWidget(label(words, "muted", wrap=True))
        column.addLayout(halves, 1)
        column.addLayout(dialog_foot(self.refusing, self.accepting, self.problem))
        self.resize(680, 530)  # with room for a problem, so that the buttons stay where they are


def _scrolled(ticks: list[Tick]) -> QScrollArea:
    inner = QWidget()
    inner.setProperty("role", "page")
    rows = QVBoxLayout(inner)
    rows.setContentsMargins(8, 8, 8, 8)
    rows.setSpacing(0)
    for tick in ticks:
        rows.addWidget(tick)
    rows.addStretch(1)
    return scrolled(inner, upright=True)
