"""How images are drawn, what the window asks of a sampling session, and what it gets back."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cfd_studio.protocol.fields import Words, field
from cfd_studio.protocol.stages import ClassifierFed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SamplerName = Literal["ddim", "ancestral", "dpm-solver++", "reference"]


class Sampler(Words):
    """How a model gets from noise to images."""

    name: SamplerName = field(
        "ddim; ancestral (fresh noise at every step); dpm-solver++ (second order, for few steps without distillation); "
        "reference (DDIM exactly as in the published CFD code).",
        label="Sampler",
        default="ddim",
    )
    eta: float = field(
        "Fresh noise of DDIM: 0 is none, 1 as much as the posterior has; other samplers ignore it.",
        label="Eta",
        default=0.0,
        ge=0.0,
        le=1.0,
    )
    guidance: float = field(
        "Classifier-free guidance: 1 is none, more exaggerates what the class adds. It costs a second network call per "
        "step, and needs a class-conditional model that also draws without a class.",
        label="Guidance",
        default=1.0,
        ge=0.0,
        le=100.0,
    )

    @property
    def unguided(self) -> "Sampler":
        """The same without guidance."""
        return self.model_copy(update={"guidance": 1.0})

    @classmethod
    def parse(cls, words: str) -> "Sampler":
        """Return the sampler that is written so; words that are none are those of the usual one."""
        name, *parts = words.split(", ")
        try:
            return cls.model_validate({"name": name, **dict(part.split(" ", 1) for part in parts)})
        except ValueError:
            return cls()

    def __str__(self) -> str:
        """Return it as a person writes it: ``ddim, eta 0.5, guidance 2``."""
        parts: list[str] = [self.name]
        if self.name == "ddim" and self.eta:
            parts.append(f"eta {self.eta:g}")
        if self.guidance != 1:
            parts.append(f"guidance {self.guidance:g}")
        return ", ".join(parts)


DDIM = Sampler()


@dataclass(frozen=True, slots=True, order=True)
class ImageKey:
    """What an image is drawn from: the noise of (seed, index), whatever the model and the number of steps."""

    seed: int
    index: int


def in_a_row(seed: int, count: int, start: int = 0) -> tuple[ImageKey, ...]:
    """Return the keys of the images start..start + count - 1 of a seed."""
    return tuple(ImageKey(seed, index) for index in range(start, start + count))


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Draw images of one model with one number of steps.

    Attributes
    ----------
    keys : tuple of ImageKey
        One per image.
    label : int or None
        The class of all of them, -1 for none; where it is None, a class-conditional model draws image i of class i
        modulo their number.
    trajectory : bool
        Whether the estimates of the images at every step are wanted too.
    classifier : str or None
        The stage of a trained classifier of the same run: what it sees in the images is wanted too.
    classifier_input : str
        How it is fed, as in `cfd_studio.protocol.stages.FeatureMatching`.
    """

    run: Path
    stage: str
    sampling_steps: int
    keys: tuple[ImageKey, ...]
    device: str = "auto"
    sampler: Sampler = DDIM
    label: int | None = None
    trajectory: bool = False
    classifier: str | None = None
    classifier_input: ClassifierFed = "matched"

    @property
    def count(self) -> int:
        """How many images are wanted."""
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """Images for a request, or the sentence that says why there are none.

    Attributes
    ----------
    images : ndarray of float32, shape (count, channels, height, width), or None
        Range [-1, 1].
    seconds_per_image : float
        Wall time of the network calls divided by the count.
    network_calls : int
        Counted, per image.
    x_hats : ndarray of float32, shape (steps, count, channels, height, width), or None
        The estimate of each image that each step of the sampler went by, in the order of the steps.
    timesteps : tuple of int
        The levels of the base grid at which these were made.
    features : ndarray of float32, shape (count, channels), or None
        What feature distillation compares: pooled penultimate features, before any softmax.
    logits : ndarray of float32, shape (count, classes), or None
        What the classifier makes of these.
    cached : bool
        Whether it was drawn, and timed, for an earlier request.
    error : str or None
        One sentence; None where there are images.
    """

    request: SampleRequest
    images: "NDArray[np.float32] | None" = None
    seconds_per_image: float = 0.0
    network_calls: int = 0
    x_hats: "NDArray[np.float32] | None" = None
    timesteps: tuple[int, ...] = ()
    features: "NDArray[np.float32] | None" = None
    logits: "NDArray[np.float32] | None" = None
    cached: bool = False
    error: str | None = None
