"""Which images a run is about, and what is known of them before any is read."""

from dataclasses import dataclass
from typing import Literal

from cfd_studio.protocol.errors import Problem
from cfd_studio.protocol.fields import Words, field

DataName = Literal["digits", "cifar10", "cifar100", "mnist", "fashion-mnist", "svhn", "folder", "arrays", "none"]
SMALLEST_SIDE = 16


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a data set by its name.

    Attributes
    ----------
    words : str
        What a person calls it.
    side : int
        Height and width of its images; 0 where the config must say it.
    channels : int
        Of its images; 0 where the config may say it.
    flip : bool
        Whether a mirrored image is as good as the original.
    classes : int
        0 where only the images themselves show it.
    """

    words: str
    side: int = 0
    channels: int = 0
    flip: bool = False
    classes: int = 0


DATA_SETS: dict[DataName, Known] = {
    "digits": Known("scikit-learn's digits", 8, 1, classes=10),
    "cifar10": Known("CIFAR-10", 32, 3, flip=True, classes=10),
    "cifar100": Known("CIFAR-100", 32, 3, flip=True, classes=100),
    "mnist": Known("MNIST", 28, 1, classes=10),
    "fashion-mnist": Known("Fashion-MNIST", 28, 1, classes=10),
    "svhn": Known("SVHN", 32, 3, classes=10),
    "folder": Known("an image folder", flip=True),
    "arrays": Known("arrays"),
    "none": Known("no images"),
}


class DataConfig(Words):
    """Which images. Where they lie is a matter of the machine, not of the experiment: see `ExecutionRequest`."""

    name: DataName = field(
        "digits (scikit-learn's 1,797 handwritten digits, 8x8 grey), one that torchvision knows, folder (images, one "
        "sub-folder per class or none), arrays (an .npz or .npy file); none for imported models without images.",
        label="Data set",
    )
    image_size: int | None = field(
        "Height and width to which every image is resized and cropped; empty for those of the data set. A folder of "
        "images needs it, and arrays must have it.",
        label="Image size",
        default=None,
        unit="pixels",
        ge=8,
        le=256,
    )
    channels: Literal[1, 3] | None = field(
        "1 for grey, 3 for colour; empty for those of the data set, and for colour where it has none of its own.",
        label="Image channels",
        default=None,
    )
    flip: bool | None = field(
        "Whether half of the training images are mirrored, for every stage alike; empty for what suits the data set.",
        label="Flip",
        default=None,
    )
    held_out_share: float = field(
        "Share of a folder's or an array's images that is held out of training; data sets with a test set hold out "
        "that.",
        label="Held-out share",
        default=0.1,
        gt=0.0,
        lt=1.0,
    )

    @property
    def side(self) -> int:
        """Height and width of an image; 0 where the config fails to say it."""
        return self.image_size or DATA_SETS[self.name].side

    @property
    def depth(self) -> int:
        """Channels of an image."""
        return self.channels or DATA_SETS[self.name].channels or 3

    @property
    def flips(self) -> bool:
        """Whether training images are mirrored."""
        return DATA_SETS[self.name].flip if self.flip is None else self.flip


def data_problems(data: DataConfig) -> list[Problem]:
    """Return what is wrong between the fields."""
    if not data.side:
        return [Problem("data.image_size", f"{DATA_SETS[data.name].words} may be of any size; say which, 16 to 256")]
    if data.name == "digits" and (data.side, data.depth) != (8, 1):
        return [Problem("data.image_size", "the digits are 8x8 grey; leave size and channels empty")]
    if data.name == "folder" and data.side < SMALLEST_SIDE:
        return [Problem("data.image_size", f"{data.side} is too small for an image folder; use {SMALLEST_SIDE} to 256")]
    return []
