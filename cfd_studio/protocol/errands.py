"""Single tasks that need torch, besides training and sampling: what is asked for, and what comes back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DataName
from cfd_studio.protocol.fast_paths import AskedPrecision
from cfd_studio.protocol.wishes import Wishes

ExportFormat = Literal["safetensors", "onnx", "images"]


@dataclass(frozen=True, slots=True)
class EstimateErrand:
    """What a config costs on this machine, from a few timed steps."""

    config: RunConfig
    device: str = "auto"
    precision: AskedPrecision = "auto"
    fast: str = ""


@dataclass(frozen=True, slots=True)
class ImportErrand:
    """Make a run of a checkpoint of the published CFD code."""

    file: Path
    folder: Path
    data: DataName = "none"
    image_size: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ExportErrand:
    """Write a trained model for other programs."""

    run: Path
    stage: str
    to: ExportFormat
    out: Path
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class EvaluateErrand:
    """Measure trained models, and keep the figures in their run."""

    run: Path
    wishes: Wishes
    device: str = "auto"


Errand = EstimateErrand | ImportErrand | ExportErrand | EvaluateErrand


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage costs.

    Attributes
    ----------
    images : int
        Seen in training.
    seconds : float
        Of training, evaluation left out.
    memory : int
        Bytes held at once on the device.
    disk : int
        Bytes of its weights and of the checkpoints that are kept.
    """

    stage: str
    images: int
    seconds: float
    memory: int
    disk: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a config costs on one device.

    Attributes
    ----------
    stages : tuple of StageEstimate
    evaluation_seconds : float
        Of drawing and judging at the end of every stage.
    """

    device: str
    stages: tuple[StageEstimate, ...]
    evaluation_seconds: float

    @property
    def images(self) -> int:
        """Images seen in training."""
        return sum(stage.images for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Training and evaluation."""
        return sum(stage.seconds for stage in self.stages) + self.evaluation_seconds

    @property
    def memory(self) -> int:
        """Bytes held at once on the device by the stage that holds most."""
        return max((stage.memory for stage in self.stages), default=0)

    @property
    def disk(self) -> int:
        """Bytes of weights and checkpoints once the run is finished; curves and samples are small beside them."""
        return sum(stage.disk for stage in self.stages)


@dataclass(frozen=True, slots=True)
class ErrandAnswer:
    """How an errand ended.

    Attributes
    ----------
    sentence : str
        What was done or found; empty where there is an error.
    estimate : Estimate or None
        For an `EstimateErrand`.
    error : str or None
        One sentence.
    """

    errand: Errand
    sentence: str = ""
    estimate: Estimate | None = None
    error: str | None = None
