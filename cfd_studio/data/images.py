"""Images as uint8 tensors in memory, in a fixed split."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images and their classes.

    Attributes
    ----------
    images : Tensor of uint8, shape (N, C, H, W)
    labels : Tensor of int64, shape (N,)
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "ImageSet":
        """Return the set in a device's memory."""
        return ImageSet(self.images.to(device), self.labels.to(device))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.images.shape
        return channels, height, width


@dataclass(frozen=True, slots=True)
class DataSet:
    """A training split, a held-out split that nothing is ever fitted to, and what is known of both."""

    name: str
    train: ImageSet
    held_out: ImageSet
    classes: int
    flip: bool

    def to(self, device: torch.device | str) -> "DataSet":
        """Return the set with both splits in a device's memory."""
        return replace(self, train=self.train.to(device), held_out=self.held_out.to(device))


def to_float(images: Tensor) -> Tensor:
    """Map uint8 in 0..255 to torch's default float, normally float32, in [-1, 1]."""
    return images.to(torch.get_default_dtype()) / 127.5 - 1


def to_uint8(x: Tensor) -> Tensor:
    """Map float in [-1, 1] to uint8 in 0..255, rounded; values outside are clipped."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def load_digits() -> DataSet:
    """Return scikit-learn's handwritten digits, 1,797 images of 1x8x8.

    The held-out split is a fifth of each class, drawn once and for all: it depends on no seed of a run. Digits are not
    flipped: a mirrored 2 is no 2.
    """
    from sklearn.datasets import load_digits as read_digits

    pixels, classes = read_digits(return_X_y=True)
    images = torch.from_numpy(np.rint(pixels * (255 / 16)).astype(np.uint8)).view(-1, 1, 8, 8)
    labels = torch.from_numpy(classes.astype(np.int64))
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for digit in range(10):
        places = np.flatnonzero(classes == digit)
        drawn = np.random.Generator(np.random.Philox(key=[0, digit])).permutation(places)
        held_out[torch.from_numpy(drawn[: len(drawn) // 5])] = True
    return DataSet(
        name="digits",
        train=ImageSet(images[~held_out], labels[~held_out]),
        held_out=ImageSet(images[held_out], labels[held_out]),
        classes=10,
        flip=False,
    )
