"""Images in an array of numbers: an .npz or .npy file."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfd_studio.data.npy import StoredArray, stored_arrays
from cfd_studio.data.pictures import MOST_PIXELS
from cfd_studio.data.source import DataError, Labels, Source, held_out_split, unlabelled

_IMAGES = ("images", "x", "x_train")
_LABELS = ("labels", "y", "y_train")
_TEST = ("x_test", "y_test")
MOST_CLASSES = 65_536
MOST_IMAGES = 50_000_000
_LAYOUTS = "Store (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels."


def image_arrays(file: Path, held_out_share: float) -> Source:
    """Return the images of an .npz or .npy file.

    An .npz file holds ``images`` (or ``x``, ``x_train``) and may hold ``labels`` (``y``, ``y_train``), whole numbers
    from 0 without a gap, one per image. Where it also holds ``x_test`` (and ``y_test``, if there are labels) those are
    held out; else a share of each class is. Images are uint8 in 0..255, or floats in [0, 1], or in [-1, 1] where any is
    negative.

    Parameters
    ----------
    file : Path
    held_out_share : float
        In (0, 1).

    Raises
    ------
    DataError
        Where the file holds anything else.
    """
    arrays = stored_arrays(file)
    images = _first(arrays, _IMAGES)
    if images is None:
        held = ", ".join(arrays) or "nothing"
        raise DataError(f"holds {held}, and no array called {_IMAGES[0]} or x", file, "Name the images so.")
    labels = _first(arrays, _LABELS)
    parts = [images]
    known = [_labels(labels, images)]
    test, test_labels = (arrays.get(name) for name in _TEST)
    if test is not None:
        if (labels is None) != (test_labels is None):
            raise DataError("has labels for one of its two splits only", file, "Give both, or none.")
        parts.append(test)
        known.append(_labels(test_labels, test))
    layouts = [_channels_last(part) for part in parts]
    scale = _Scale.of(parts)
    all_labels = np.concatenate(known)
    _check_gaps(all_labels, file)
    if test is None:
        held_out = held_out_split(all_labels, held_out_share)
    else:
        held_out = np.arange(len(all_labels)) >= len(known[0])

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for part, last in zip(parts, layouts, strict=True):
            for piece in part.pieces():
                yield from scale.bytes_of(piece if last else piece.transpose(0, 2, 3, 1))

    names = tuple(map(str, range(int(all_labels.max()) + 1)))
    return Source(file, all_labels, held_out, names, pictures, lambda index: f"image {index}")


class _Scale:
    """How numbers become bytes.

    Parameters
    ----------
    low : float or None
        What black is; None for bytes.
    """

    def __init__(self, low: float | None) -> None:
        self._low = low

    @classmethod
    def of(cls, parts: list[StoredArray]) -> "_Scale":
        if all(part.dtype == np.uint8 for part in parts):
            return cls(None)
        file = parts[0].file
        if any(part.dtype.kind != "f" for part in parts):
            kinds = " and ".join(str(part.dtype) for part in parts)
            raise DataError(f"holds images as {kinds}", file, "Store uint8, or floats in [0, 1] or [-1, 1].")
        bounds = [(piece.min(), piece.max()) for piece in chain.from_iterable(part.pieces() for part in parts)]
        low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
        if not (np.isfinite(bounds).all() and low >= -1 and high <= 1):
            raise DataError(
                f"holds floats from {low:.3g} to {high:.3g}", file, "Store them in [0, 1] or [-1, 1], or as uint8."
            )
        return cls(-1.0 if low < 0 else 0.0)

    def bytes_of(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        if self._low is None:
            return values
        return np.rint((values.astype(np.float64) - self._low) * (255 / (1 - self._low))).astype(np.uint8)


def _first(arrays: dict[str, StoredArray], names: tuple[str, ...]) -> StoredArray | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _channels_last(images: StoredArray) -> bool:
    """Return whether the channels, if any, come after rows and columns; where both fit, they do."""
    shape, file = images.shape, images.file
    last = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if not last and not (len(shape) == 4 and shape[1] in (1, 3)):
        raise DataError(f"holds images of shape {shape}", file, _LAYOUTS)
    height, width = shape[1:3] if last else shape[2:4]
    if height * width > MOST_PIXELS or shape[0] > MOST_IMAGES:
        raise DataError(f"holds more than anybody could use, {shape}", file, "Give a smaller array.")
    return last


def _labels(labels: StoredArray | None, images: StoredArray) -> Labels:
    count, file = min(images.shape[0], MOST_IMAGES), images.file
    if labels is None:
        return unlabelled(count)
    if labels.dtype.kind not in "iu" or labels.shape not in ((count,), (count, 1)):
        raise DataError(
            f"holds labels of shape {labels.shape} and type {labels.dtype} for {images.shape[0]:,} images",
            file,
            "Store one whole number per image.",
        )
    values = labels.whole().reshape(-1)
    if values.min() < 0 or values.max() >= MOST_CLASSES:
        raise DataError(
            f"holds labels from {values.min()} to {values.max()}", file, f"Number the classes 0 to {MOST_CLASSES - 1}."
        )
    return values.astype(np.int64)


def _check_gaps(labels: Labels, file: Path) -> None:
    """Make sure that every class has an image: a network would get an output for each that has none."""
    if labels.max() < 0:
        return
    images = np.bincount(labels)
    if not images.all():
        raise DataError(
            f"holds labels up to {len(images) - 1}, and no image of class {images.argmin()}",
            file,
            f"Number its classes 0 to {np.count_nonzero(images) - 1}, as numpy.unique(labels, return_inverse=True)[1] "
            "does.",
        )
