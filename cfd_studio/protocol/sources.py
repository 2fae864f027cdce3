"""Where a stage's weights come from when they are not trained here."""

from typing import Annotated, Literal

from pydantic import Field

from cfd_studio.protocol.fields import PATH, Words, field

_SHA256 = r"^([0-9a-f]{64})?$"


class _Source(Words):
    sha256: str = field(
        "SHA-256 of the file that was copied into the run; written when the run is made.",
        label="SHA-256",
        default="",
        pattern=_SHA256,
    )


class RunSource(_Source):
    """A trained stage of another run: its weights are copied, and everything that shapes its network with them."""

    kind: Literal["run"] = "run"
    path: str = field("Folder of the other run.", label="Run", min_length=1, max_length=4096, pattern=PATH)
    stage: str = field("Its stage.", label="Stage", min_length=1, max_length=40)


class ImageNetSource(_Source):
    """torchvision's weights for ImageNet, downloaded when the stage begins, or a file of them."""

    kind: Literal["imagenet"] = "imagenet"
    file: str = field(
        "A .pth or .safetensors file with torchvision's weights; empty to let torchvision download them.",
        label="Weights",
        default="",
        max_length=4096,
        pattern=PATH,
    )


class CheckpointSource(_Source):
    """A checkpoint of the published CFD code; its weights were written into the run when it was imported."""

    kind: Literal["checkpoint"] = "checkpoint"
    file: str = field("Name of the file.", label="File", min_length=1, max_length=4096, pattern=PATH)
    which: Literal["ema_model", "net_model", "model"] = field(
        "The entry of the file that the weights were taken from: ema_model is the moving average, model that of a "
        "classifier.",
        label="Weights",
    )


ClassifierSource = Annotated[RunSource | ImageNetSource | CheckpointSource, Field(discriminator="kind")]
TeacherSource = Annotated[RunSource | CheckpointSource, Field(discriminator="kind")]
