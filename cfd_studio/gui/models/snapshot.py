"""A run at one moment, safe to read on the window's thread while the journal is being read on."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import CommandAnswered, JobEnded
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.figures import Judgement, StageQuality
from cfd_studio.runs.about import NOTHING_SAID, About
from cfd_studio.runs.series import Series
from cfd_studio.runs.status import JobStatus

ACTIVE_STATES = frozenset({"starting", "running", "paused", "stopping"})


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A series as two arrays that nobody writes to any more; compared by identity."""

    steps: NDArray[np.float64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, series: Series) -> "Curve":
        """Return a series as it is now, without a copy."""
        return cls(series.steps, series.values)

    def __len__(self) -> int:
        return len(self.steps)


EMPTY = Curve(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class StageSnapshot:
    """One stage at one moment.

    Attributes
    ----------
    pace : Curve
        Images per second.
    terms, gradient_norms, quarters, vitals : dict of Curve
        By name, as in `cfd_studio.protocol.events.LossLogged`.
    resumed : tuple of int
        Steps from which a later job went on.
    begun : int or None
        The step from which the newest job trains it, or trained it.
    judging : float
        Seconds that the newest job has spent judging it.
    strip : QImage or None
        The newest samples.
    strips : tuple of (int, Path)
        Step and file of every picture of fixed samples that was drawn while the stage was trained, in order.
    """

    id: str
    total_steps: int
    step: int = 0
    state: str = "waiting"
    loss: Curve = EMPTY
    held_out: Curve = EMPTY
    accuracies: Curve = EMPTY
    learning_rate: Curve = EMPTY
    pace: Curve = EMPTY
    terms: dict[str, Curve] = field(default_factory=dict)
    gradient_norms: dict[str, Curve] = field(default_factory=dict)
    quarters: dict[str, Curve] = field(default_factory=dict)
    vitals: dict[str, Curve] = field(default_factory=dict)
    seconds: float = 0.0
    quality: StageQuality | None = None
    checkpoints: tuple[int, ...] = ()
    resumed: tuple[int, ...] = ()
    begun: int | None = None
    judging: float = 0.0
    trained: bool = False
    strip: QImage | None = None
    strips: tuple[tuple[int, Path], ...] = ()

    @property
    def images_per_second(self) -> float:
        """The newest pace; 0 before the first."""
        return float(self.pace.values[-1]) if len(self.pace) else 0.0

    @property
    def accuracy(self) -> float | None:
        """The newest accuracy of a classifier, in [0, 1]."""
        return float(self.accuracies.values[-1]) if len(self.accuracies) else None

    def judgement(self, sampling_steps: int, sampler: str = "") -> Judgement | None:
        """Return what was measured with that many steps and that sampler, else with any; None where nothing was."""
        found = [one for one in self.quality.judgements if one.sampling_steps == sampling_steps] if self.quality else []
        return next((one for one in found if one.sampler == sampler), next(iter(found), None))


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log."""

    time: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A run at one moment.

    Attributes
    ----------
    state : str
        ``new``, a `JobState` value, or ``lost``.
    job : int
        Number of the newest job, 0 before the first.
    plan : ExecutionPlan or None
        Of the newest job that came to choose one.
    measuring : JobStatus or None
        Of the newest evaluation besides the training.
    log_count : int
        Lines ever logged, of which ``log`` holds the newest.
    reading : float
        How much of the run's journals is in this snapshot, in [0, 1].
    """

    path: Path
    config: RunConfig
    state: str = "new"
    job: int = 0
    stages: dict[str, StageSnapshot] = field(default_factory=dict)
    status: JobStatus | None = None
    measuring: JobStatus | None = None
    device: str = ""
    plan: ExecutionPlan | None = None
    ended: JobEnded | None = None
    answers: dict[str, CommandAnswered] = field(default_factory=dict)
    log: tuple[LogLine, ...] = ()
    log_count: int = 0
    holder: str = ""
    skipped: int = 0
    reading: float = 1.0
    about: About = NOTHING_SAID

    @property
    def name(self) -> str:
        """What the person calls the run, or else its config."""
        return self.about.name or self.config.name

    @property
    def active(self) -> bool:
        """Whether a job, here or elsewhere, works on the run."""
        return self.state in ACTIVE_STATES

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do: without images, nothing is judged."""
        enough = ("done", "trained") if self.config.data.name == "none" else ("done",)
        return all(stage.state in enough for stage in self.stages.values())

    @property
    def current_stage(self) -> str | None:
        """Return the stage in work, or the one that is next, or None once all are done."""
        for stage in self.stages.values():
            if stage.state in ("training", "evaluating"):
                return stage.id
        if self.complete:
            return None
        return next((stage.id for stage in self.stages.values() if stage.state != "done"), None)

    def fallback(self) -> str:
        """Return where the run goes on from if its job ended now without saving."""
        for stage in self.stages.values():
            if not stage.trained:
                if stage.checkpoints:
                    return f"step {stage.checkpoints[-1]:,} of stage “{stage.id}”"
                return f"the start of stage “{stage.id}”"
        return "its trained weights; all stages are trained"
