"""What a published data set holds once it is read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfd_studio.data.source import Labels


class MissingError(Exception):
    """A folder does not hold the files of a data set."""


class Split(NamedTuple):
    """One of its two splits.

    Attributes
    ----------
    images : array of uint8, shape (N, H, W) or (N, H, W, channels)
    labels : array of int64, shape (N,)
    """

    images: NDArray[np.uint8]
    labels: Labels


class Splits(NamedTuple):
    """Training images, test images, and what the classes are called."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
