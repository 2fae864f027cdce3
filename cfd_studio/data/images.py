"""Images as uint8 tensors in a fixed split: in the memory of a device, or mapped from a file."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cfd_studio.data.source import Labels, Watch, unwatched

_ROWS = 1024


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images and their classes.

    Attributes
    ----------
    images : Tensor of uint8, shape (N, C, H, W)
    labels : Tensor of int64, shape (N,)
        From 0; -1 for images without classes.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "ImageSet":
        """Return the set in a device's memory."""
        return ImageSet(self.images.to(device), self.labels.to(device))

    def some(self, chosen: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return some of the images and their classes on a device, wherever the set lies; nobody waits for them.

        Parameters
        ----------
        chosen : Tensor of int64, shape (B,), on the CPU
        device : torch.device

        Returns
        -------
        images : Tensor of uint8, shape (B, C, H, W)
        labels : Tensor of int64, shape (B,)
        """
        if self.images.device == device:
            there = sent(chosen, device)
            return self.images[there], self.labels[there]
        return sent(self.images[chosen], device), sent(self.labels[chosen], device)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def digest(self, watch: Watch = unwatched) -> bytes:
        """Return the SHA-256 of images and labels, in this order."""
        digest = SplitDigest()
        for start in range(0, len(self), _ROWS):
            watch("checking", start, len(self), "images")
            digest.add(self.images[start : start + _ROWS].numpy())
        return digest.complete(self.labels.numpy())


class SplitDigest:
    """The SHA-256 of a split whose images come one after the other."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, images: NDArray[np.uint8]) -> None:
        """Take in images, uint8, their channels before their rows."""
        self._sum.update(np.ascontiguousarray(images).data)

    def complete(self, labels: Labels) -> bytes:
        """Take in the labels of all images, and return the digest."""
        self._sum.update(labels.astype("<i8").tobytes())
        return self._sum.digest()


def content_key(shape: tuple[int, int, int], digests: Iterable[bytes]) -> str:
    """Return what a data set is known by, whatever it is called and wherever it lies.

    Parameters
    ----------
    shape : (int, int, int)
        Of an image.
    digests : iterable of bytes
        Of the training and of the held-out split.

    Returns
    -------
    str
        A SHA-256 in 64 hexadecimal digits.
    """
    return hashlib.sha256(repr(shape).encode() + b"".join(digests)).hexdigest()


@dataclass(frozen=True, slots=True)
class DataSet:
    """A training split, a held-out split that nothing is ever fitted to, and what is known of both.

    Attributes
    ----------
    classes : int
        0 for images without classes.
    flip : bool
        Whether training images are mirrored half of the time.
    key : str
        `content_key` of both splits.
    class_names : tuple of str
        One per class.
    unreadable : tuple of str
        Files that were left out.
    """

    name: str
    train: ImageSet
    held_out: ImageSet
    classes: int
    flip: bool
    key: str
    class_names: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, train: ImageSet, held_out: ImageSet, class_names: tuple[str, ...] = ()) -> "DataSet":
        """Return the data set of two splits in memory, as they are: not to be flipped."""
        key = content_key(train.shape, (train.digest(), held_out.digest()))
        return cls(name, train, held_out, len(class_names), False, key, class_names)

    def to(self, device: torch.device | str, *, training: bool = True) -> "DataSet":
        """Return the set in a device's memory, the training images only if they fit into half of what is free there.

        Else those stay where they are, and whoever takes some of them moves them: see `ImageSet.some`.

        Parameters
        ----------
        device : torch.device or str
        training : bool, optional
            Whether the training images are to lie there at all.
        """
        held_out = self.held_out.to(device)
        train = self.train.to(device) if training and _fits(self.train, device) else self.train
        return replace(self, train=train, held_out=held_out)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor that lies on the CPU, and will not be written any more, on a device.

    From pinned memory the device fetches it by itself, in its own time; from any other, the host waits until all is
    done that the device was told before.
    """
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def to_float(images: Tensor) -> Tensor:
    """Map uint8 in 0..255 to torch's default float, normally float32, in [-1, 1]."""
    return images.to(torch.get_default_dtype()) / 127.5 - 1


def to_uint8(x: Tensor) -> Tensor:
    """Map float in [-1, 1] to uint8 in 0..255, rounded; values outside are clipped."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def _fits(images: ImageSet, device: torch.device | str) -> bool:
    kind = torch.device(device).type
    if kind == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    elif kind == "mps":
        free = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    else:  # where they are already
        return True
    return images.images.nbytes <= free / 2
