"""What a run looks like to a reader: all journals folded into curves, states and figures."""

from collections import deque
from dataclasses import dataclass, field

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import (
    CheckpointSaved,
    CommandAnswered,
    Event,
    HeldOutLogged,
    JobEnded,
    JobStarted,
    Logged,
    LossLogged,
    PhaseEntered,
    StageJudged,
    StageStarted,
    StageTrained,
)
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalReader
from cfd_studio.runs.series import Series

LOG_LINES = 5000
MOST_TERMS = 32


@dataclass
class StageMirror:
    """One stage as it stands."""

    id: str
    total_steps: int
    step: int = 0
    state: str = "waiting"  # waiting, training, evaluating, trained, done
    loss: Series = field(default_factory=Series)
    held_out: Series = field(default_factory=Series)
    learning_rate: Series = field(default_factory=Series)
    terms: dict[str, Series] = field(default_factory=dict)
    gradient_norms: dict[str, Series] = field(default_factory=dict)
    checkpoints: list[int] = field(default_factory=list)
    accuracy: float | None = None
    images_per_second: float = 0.0
    seconds: float = 0.0
    quality: StageQuality | None = None

    def rewind(self, step: int) -> None:
        """Forget everything beyond a step."""
        for series in (
            self.loss,
            self.held_out,
            self.learning_rate,
            *self.terms.values(),
            *self.gradient_norms.values(),
        ):
            series.truncate(step)
        self.checkpoints = [saved for saved in self.checkpoints if saved <= step]
        self.step = step


class RunMirror:
    """Folds a run's journals. Call `refresh` as often as you like; it reads only what is new.

    Attributes
    ----------
    version : int
        Grows whenever something changed.
    ended : JobEnded or None
        How the newest job ended; None while it goes on.
    """

    def __init__(self, run: RunFolder, config: RunConfig | None = None) -> None:
        self.run = run
        self.config = config or run.config()
        self.stages = {stage.id: StageMirror(stage.id, stage.optimization.steps) for stage in self.config.stages}
        self.log: deque[tuple[float, str, str]] = deque(maxlen=LOG_LINES)
        self.log_count = 0
        self.answers: dict[str, CommandAnswered] = {}
        self.phase: PhaseEntered | None = None
        self.job: JobStarted | None = None
        self.ended: JobEnded | None = None
        self.version = 0
        self._readers: dict[int, JournalReader] = {}

    @property
    def skipped(self) -> int:
        """Journal lines that this version did not understand."""
        return sum(reader.skipped for reader in self._readers.values())

    def refresh(self) -> bool:
        """Read what is new; return whether anything was."""
        before = self.version
        for job in self.run.jobs():
            reader = self._readers.setdefault(job.number, JournalReader(job.journal))
            while events := reader.read():
                for event in events:
                    self._fold(event)
                self.version += 1
        return self.version != before

    def _fold(self, event: Event) -> None:  # one arm per event, nothing else
        match event:
            case JobStarted():
                self.job, self.ended, self.phase = event, None, None
                self._go_back(event)
            case StageStarted():
                if stage := self.stages.get(event.stage):
                    stage.rewind(event.step)
                    stage.state = "training"
            case PhaseEntered():
                self.phase = event
                if event.phase == "evaluating" and (stage := self.stages.get(event.stage or "")):
                    stage.state = "evaluating"
            case LossLogged():
                if stage := self.stages.get(event.stage):
                    stage.step = event.step
                    stage.loss.append(event.step, event.loss)
                    stage.learning_rate.append(event.step, event.learning_rate)
                    for name, value in event.terms.items():
                        _extend(stage.terms, name, event.step, value)
                    for name, value in event.gradient_norms.items():
                        _extend(stage.gradient_norms, name, event.step, value)
                    stage.images_per_second = event.images_per_second
            case HeldOutLogged():
                if stage := self.stages.get(event.stage):
                    stage.held_out.append(event.step, event.loss)
                    stage.accuracy = event.accuracy if event.accuracy is not None else stage.accuracy
            case CheckpointSaved():
                if (stage := self.stages.get(event.stage)) and event.step not in stage.checkpoints[-1:]:
                    stage.checkpoints.append(event.step)
            case StageTrained():
                if stage := self.stages.get(event.stage):
                    stage.step, stage.state = event.step, "trained"
                    stage.seconds = event.seconds
            case StageJudged():
                if stage := self.stages.get(event.quality.stage):
                    stage.quality, stage.state, stage.step = event.quality, "done", stage.total_steps
            case CommandAnswered():
                self.answers[event.command] = event
            case Logged():
                self.log.append((event.time, event.level, event.text))
                self.log_count += 1
            case JobEnded():
                self.ended, self.phase = event, None
                for stage in self.stages.values():
                    if stage.state in ("training", "evaluating"):
                        stage.state = "trained" if stage.step >= stage.total_steps else "waiting"

    def _go_back(self, started: JobStarted) -> None:
        """Forget what an earlier job did beyond the checkpoint that the new one goes on from."""
        reached = False
        for stage in self.stages.values():
            if stage.id == started.stage:
                reached = True
                stage.rewind(started.step)
                stage.state = "waiting"
            elif reached and stage.state not in ("trained", "done"):
                stage.rewind(0)


def _extend(curves: dict[str, Series], name: str, step: int, value: float) -> None:
    """Add a point to the curve of a name; a loss has a handful of terms, and no journal makes them thousands."""
    if name in curves or len(curves) < MOST_TERMS:
        curves.setdefault(name, Series()).append(step, value)
