"""What every data set is before it is decoded, and how it says that something is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
# A file to be read, or uint8 of shape (H, W) or (H, W, channels).
Picture = Path | NDArray[np.uint8]
# Told what is being done, how far it is, of how much (0 where nobody knows) and in which unit; may raise to interrupt.
Watch = Callable[[str, int, int, str], None]


def unwatched(doing: str, done: int, total: int, unit: str) -> None:
    """Let everything pass."""


class DataError(Exception):
    """Images that cannot be used as they are.

    Parameters
    ----------
    what : str
        One sentence, without its full stop.
    where : Path
        The file or folder it is about.
    advice : str
        What to do.
    """

    def __init__(self, what: str, where: Path, advice: str) -> None:
        super().__init__(what)
        self.what, self.where, self.advice = what, where, advice


class UnreadableError(Exception):
    """One image that cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """Images that lie somewhere.

    Attributes
    ----------
    where : Path
    labels : array of int64, shape (N,)
        Classes from 0; -1 throughout where the images have none.
    held_out : array of bool, shape (N,)
        Which of them are not trained on.
    class_names : tuple of str
        One per class, empty where the images have none.
    pictures : callable
        Returns an iterator over the N images, in the order of the labels.
    name_of : callable
        Returns what to call image number i in a sentence.
    """

    where: Path
    labels: Labels
    held_out: Mask
    class_names: tuple[str, ...]
    pictures: Callable[[], Iterator[Picture]]
    name_of: Callable[[int], str]


def unlabelled(count: int) -> Labels:
    """Return the labels of images without classes: -1."""
    return np.full(count, -1, dtype=np.int64)


def held_out_split(labels: Labels, share: float) -> Mask:
    """Draw the images that are held out: a share of each class, the same on every machine and for every run.

    Parameters
    ----------
    labels : array of int64, shape (N,)
    share : float
        In (0, 1); the number of each class is rounded down.

    Returns
    -------
    array of bool, shape (N,)
    """
    held_out = np.zeros(len(labels), dtype=np.bool_)
    by_class = np.argsort(labels, kind="stable")
    kinds, starts = np.unique(labels[by_class], return_index=True)
    for kind, places in zip(kinds, np.split(by_class, starts[1:]), strict=True):
        generator = np.random.Generator(np.random.Philox(key=[int(kind < 0), max(int(kind), 0)]))
        held_out[generator.permutation(places)[: int(len(places) * share)]] = True
    return held_out
