"""What a job says while it works: one JSON line per event in its journal."""

import time
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.fields import Count
from cfd_studio.protocol.figures import StageQuality

Terms = Annotated[dict[str, float], Field(max_length=16)]

# The levels that a stage draws, sorted by log-SNR and cut into four equal parts: from hardly noisy to little but noise.
QUARTERS = ("highest log-SNR", "high log-SNR", "low log-SNR", "lowest log-SNR")
# Of the estimates that a stage makes of its training images: the share of values at or beyond -1 or 1, and their mean.
VITALS = ("saturation", "brightness")


class JobState(StrEnum):
    """What ``status.json`` says of a job."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the job is over."""
        return self in (JobState.FINISHED, JobState.STOPPED, JobState.FAILED)


class _Event(BaseModel):
    # Unknown fields come from a newer writer and are none of our business.
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    time: float = Field(default_factory=time.time, ge=0, lt=32_503_680_000)  # up to the year 3000


class JobStarted(_Event):
    """A job opened the run; ``stage`` and ``step`` say where it goes on from."""

    kind: Literal["job-started"] = "job-started"
    job: Count
    device: str
    stage: str | None = None
    step: Count = 0


class StageStarted(_Event):
    """A stage begins, or goes on, after ``step`` optimizer steps."""

    kind: Literal["stage-started"] = "stage-started"
    stage: str
    step: Count
    total_steps: Count


class PhaseEntered(_Event):
    """The job is busy with something that deserves a name: loading, training, saving, evaluating."""

    kind: Literal["phase"] = "phase"
    phase: str
    stage: str | None = None


class LossLogged(_Event):
    """Means over the steps since the last such event.

    ``gradient_norms`` holds the L2 norm of each term's own gradient, now and then, where the loss has several terms.
    ``quarters`` holds the loss on the samples of each quarter of the levels that the stage draws (see `QUARTERS`), and
    ``vitals`` what tells early that images go wrong (see `VITALS`).
    """

    kind: Literal["loss"] = "loss"
    stage: str
    step: Count
    loss: float
    terms: Terms = {}
    gradient_norm: float
    gradient_norms: Terms = {}
    quarters: Terms = {}
    vitals: Terms = {}
    learning_rate: float
    images_per_second: float


class HeldOutLogged(_Event):
    """The loss on fixed images that are not trained on, timesteps and noise.

    ``images`` says which: the held-out ones, or a classifier's validation images, split off the training images.
    """

    kind: Literal["held-out"] = "held-out"
    images: Literal["held-out", "validation"] = "held-out"
    stage: str
    step: Count
    loss: float
    accuracy: float | None = None


class CheckpointSaved(_Event):
    """Everything that resumes is on the disk."""

    kind: Literal["checkpoint"] = "checkpoint"
    stage: str
    step: Count


class StageTrained(_Event):
    """The stage's weights are on the disk."""

    kind: Literal["stage-trained"] = "stage-trained"
    stage: str
    step: Count
    seconds: float


class StageJudged(_Event):
    """The stage's quality was measured."""

    kind: Literal["stage-judged"] = "stage-judged"
    quality: StageQuality


class CommandAnswered(_Event):
    """A command was carried out, or refused with a sentence."""

    kind: Literal["command"] = "command"
    command: str
    verb: Verb
    refused: str | None = None


class Logged(_Event):
    """A line for the log pane."""

    kind: Literal["log"] = "log"
    level: Literal["info", "warning", "error"] = "info"
    text: str


class JobEnded(_Event):
    """The last line of a journal; ``exit_code`` is 0 done, 1 ended early, 2 bad input."""

    kind: Literal["job-ended"] = "job-ended"
    state: JobState
    sentence: str
    exit_code: int = 0
    details: str | None = None


Event = (
    JobStarted
    | StageStarted
    | PhaseEntered
    | LossLogged
    | HeldOutLogged
    | CheckpointSaved
    | StageTrained
    | StageJudged
    | CommandAnswered
    | Logged
    | JobEnded
)
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def parse_event(line: bytes | str) -> Event | None:
    """Return the event of one journal line, or None where this version does not understand it."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return None


def dump_event(event: Event) -> bytes:
    """Return the journal line of an event, with its line feed."""
    return event.model_dump_json(exclude_none=True).encode() + b"\n"
