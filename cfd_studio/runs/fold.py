"""Events folded, one after the other, into curves, states and figures; nothing here reads a file."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
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
    PhaseEntered,
    StageJudged,
    StageStarted,
    StageTrained,
)
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.losses import LossRun
from cfd_studio.runs.series import Series

LOG_LINES = 5000
MOST_ANSWERS = 1000
MOST_TERMS = 32  # of one stage and group; more are no curves that anybody looks at
GROUPS = ("terms", "gradient_norms", "quarters", "vitals")  # attributes of a `StageMirror`: curves by name


@dataclass
class StageMirror:
    """One stage as it stands."""

    id: str
    total_steps: int
    step: int = 0
    state: str = "waiting"  # waiting, training, evaluating, trained, done
    loss: Series = field(default_factory=Series)
    held_out: Series = field(default_factory=Series)
    accuracies: Series = field(default_factory=Series)  # of a classifier, in [0, 1], on the images of ``held_out``
    learning_rate: Series = field(default_factory=Series)
    pace: Series = field(default_factory=Series)  # images per second
    terms: dict[str, Series] = field(default_factory=dict)
    gradient_norms: dict[str, Series] = field(default_factory=dict)
    quarters: dict[str, Series] = field(default_factory=dict)
    vitals: dict[str, Series] = field(default_factory=dict)
    checkpoints: list[int] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)  # steps from which a later job went on
    begun: int | None = None  # the step from which the newest job trains it, or trained it
    judging: float = 0.0  # seconds that the newest job spent judging it, as far as that is over
    seconds: float = 0.0
    quality: StageQuality | None = None

    @property
    def accuracy(self) -> float | None:
        """The newest accuracy, in [0, 1]; None before the first, and of anything but a classifier."""
        return float(self.accuracies.values[-1]) if len(self.accuracies) else None

    @property
    def images_per_second(self) -> float:
        """The newest pace; 0 before the first."""
        return float(self.pace.values[-1]) if len(self.pace) else 0.0

    def series(self) -> Iterator[Series]:
        """Yield every series of the stage."""
        yield from (self.loss, self.held_out, self.accuracies, self.learning_rate, self.pace)
        for group in GROUPS:
            yield from getattr(self, group).values()

    def rewind(self, step: int) -> None:
        """Forget everything beyond a step."""
        for series in self.series():
            series.truncate(step)
        self.checkpoints = [saved for saved in self.checkpoints if saved <= step]
        self.resumed = [begun for begun in self.resumed if begun < step]
        self.step = step


class Fold:
    """What a run's events come to, as far as they were told.

    Attributes
    ----------
    stages : dict of StageMirror
        By id, in the order of the config.
    log : deque
        The newest lines as (time, level, text); ``log_count`` counts all.
    answers : dict of CommandAnswered
        The newest ones by the id of the command.
    ended : JobEnded or None
        How the newest job ended; None while it goes on.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.forget()

    def forget(self) -> None:
        """Be as if nothing had been told."""
        self.stages = {stage.id: StageMirror(stage.id, stage.steps) for stage in self.config.stages}
        self.log: deque[tuple[float, str, str]] = deque(maxlen=LOG_LINES)
        self.log_count = 0
        self.answers: dict[str, CommandAnswered] = {}
        self.phase: PhaseEntered | None = None
        self.job: JobStarted | None = None
        self.ended: JobEnded | None = None

    def fold(self, event: Event | LossRun) -> None:  # one arm per event, nothing else
        """Take the next event, or several losses at once."""
        match event:
            case JobStarted():
                self.job, self.ended, self.phase = event, None, None
                for known in self.stages.values():
                    known.begun, known.judging = None, 0.0
                self._go_back(event)
            case StageStarted():
                if stage := self.stages.get(event.stage):
                    stage.rewind(event.step)
                    stage.state, stage.begun = "training", event.step
                    if event.step:
                        stage.resumed.append(event.step)
            case PhaseEntered():
                self._leave_phase(event.time)
                self.phase = event
                if event.phase == "evaluating" and (stage := self.stages.get(event.stage or "")):
                    stage.state = "evaluating"
            case LossRun():
                if stage := self.stages.get(event.stage):
                    stage.step = int(event.steps[-1])
                    stage.loss.extend(event.steps, event.losses)
                    stage.learning_rate.extend(event.steps, event.learning_rates)
                    stage.pace.extend(event.steps, event.images_per_second)
                    for group in GROUPS:
                        for name, points in getattr(event, group).items():
                            _curve(getattr(stage, group), name).extend(*points)
            case HeldOutLogged():
                if stage := self.stages.get(event.stage):
                    stage.held_out.append(event.step, event.loss)
                    if event.accuracy is not None:
                        stage.accuracies.append(event.step, event.accuracy)
            case CheckpointSaved():
                if stage := self.stages.get(event.stage):
                    del stage.checkpoints[bisect_left(stage.checkpoints, event.step) :]
                    stage.checkpoints.append(event.step)
            case StageTrained():
                if stage := self.stages.get(event.stage):
                    stage.step, stage.state = event.step, "trained"
                    stage.seconds = event.seconds
            case StageJudged():
                self._leave_phase(event.time)
                if stage := self.stages.get(event.quality.stage):
                    stage.quality, stage.state, stage.step = event.quality, "done", stage.total_steps
            case CommandAnswered():
                self.answers[event.command] = event
                if len(self.answers) > MOST_ANSWERS:
                    del self.answers[next(iter(self.answers))]
            case Logged():
                self.log.append((event.time, event.level, event.text))
                self.log_count += 1
            case JobEnded():
                self.ended, self.phase = event, None
                for stage in self.stages.values():
                    if stage.state in ("training", "evaluating"):
                        stage.state = "trained" if stage.step >= stage.total_steps else "waiting"

    def _leave_phase(self, now: float) -> None:
        """Note how long a stage was being judged: time in which the job was paused or waited is in another phase."""
        phase, self.phase = self.phase, None
        if phase and phase.phase == "evaluating" and (stage := self.stages.get(phase.stage or "")):
            stage.judging += max(0.0, now - phase.time)

    def _go_back(self, started: JobStarted) -> None:
        """Forget what an earlier job did beyond the checkpoint that the new one goes on from.

        What comes before the stage it goes on from has its weights, even where a job was killed before it said so.
        """
        over = False
        for stage in self.stages.values():
            open_still = stage.state not in ("trained", "done")
            if stage.id == started.stage:
                over = True
                stage.rewind(started.step)
                stage.state = "waiting"
            elif open_still and over:
                stage.rewind(0)
                stage.state = "waiting"
            elif open_still and (started.stage in self.stages or stage.state in ("training", "evaluating")):
                stage.step, stage.state = stage.total_steps, "trained"


def _curve(curves: dict[str, Series], name: str) -> Series:
    """Return the curve of a name; one too many is drawn on a sheet that nobody keeps."""
    if name not in curves and len(curves) >= MOST_TERMS:
        return Series()
    return curves.setdefault(name, Series())
