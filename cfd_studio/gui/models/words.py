"""What the window calls the states and kinds that the run folder names."""

from typing import TYPE_CHECKING

from cfd_studio.protocol.errands import ExportFormat
from cfd_studio.protocol.figures import METRIC_WORDS, Judgement
from cfd_studio.protocol.sources import RunSource
from cfd_studio.protocol.stages import ClassifierStage, Stage, TeacherStage
from cfd_studio.protocol.wording import KIND_WORDS as KIND_WORDS
from cfd_studio.protocol.wording import describe as describe
from cfd_studio.protocol.wording import metric_value as metric_value
from cfd_studio.protocol.wording import milliseconds as milliseconds
from cfd_studio.protocol.wording import short as short

if TYPE_CHECKING:
    from cfd_studio.gui.models.snapshot import RunSnapshot

STATE_WORDS = {
    "new": "Not started",
    "queued": "Waiting in the queue",
    "starting": "Starting",
    "running": "Running",
    "paused": "Paused",
    "stopping": "Stopping",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "lost": "Lost",
    "unreadable": "Unreadable",
    "away": "Not answering",
    "gone": "Gone",
}
STATE_TONES = {
    "new": "faint",
    "queued": "muted",
    "starting": "accent",
    "running": "accent",
    "paused": "warning",
    "stopping": "warning",
    "finished": "good",
    "stopped": "muted",
    "failed": "bad",
    "lost": "bad",
    "unreadable": "bad",
    "away": "warning",
    "gone": "faint",
}
# What nothing can interrupt, and what that means for who wants the job to end.
UNSTOPPABLE = {"compiling": "Compiling cannot be interrupted: Stop takes effect right after it"}
REFERENCE_WORDS = {"held-out": "held-out images", "train": "training images"}
WORKER_WORDS = {"thread": "In this window", "process": "In a process of its own"}
PRECISION_WORDS = {"auto": "Fastest for the network", "float32": "float32", "tf32": "TF32", "bfloat16": "bfloat16"}
FAST_WORDS = {
    "off": "Off",
    "on": "On",
    "none": "No network",
    "frozen": "Frozen networks",
    "all": "All networks",
    "default": "On",
    "cuda-graphs": "With CUDA graphs",
}
EXPORT_WORDS: dict[ExportFormat, str] = {
    "safetensors": "Export weights as safetensors…",
    "onnx": "Export as ONNX, with its sampler…",
    "images": "Export images…",
}


def origin(stage: Stage) -> str:
    """Return where the weights of a stage come from; nothing for one that is trained."""
    source = stage.source if isinstance(stage, (ClassifierStage, TeacherStage)) else None
    if source is None:
        return ""
    if isinstance(source, RunSource):
        return f"From stage {source.stage} of {source.path}"
    return f"From {source.file or 'torchvision, trained on ImageNet'}"


def ending(snapshot: "RunSnapshot") -> tuple[str, str, str] | None:
    """Return the sentence, the details and the kind of message of a job that ended badly; None for every other run."""
    if snapshot.state == "lost":
        sentence = (
            "The job of this run ended without a word; its process is gone. Nothing saved is lost: Resume goes on from "
            f"{snapshot.fallback()}."
        )
        return sentence, "", "warning"
    if snapshot.state == "failed" and snapshot.ended is not None:
        return snapshot.ended.sentence, snapshot.ended.details or "", "error"
    return None


def figure_lines(judgement: Judgement) -> list[str]:
    """Return one line per feature space and reference, with all that was measured there."""
    lines: dict[str, list[str]] = {}
    for figure in judgement.figures:
        reference = REFERENCE_WORDS.get(figure.reference, figure.reference)
        against = f" against {reference}" if reference else ""
        where = f"in {figure.space}, {figure.samples:,} samples{against}"
        measured = f"{METRIC_WORDS[figure.metric]} {metric_value(figure.metric, figure.value)}"
        lines.setdefault(where, []).append(measured)
    return [f"{', '.join(measured)} {where}" for where, measured in lines.items()]
