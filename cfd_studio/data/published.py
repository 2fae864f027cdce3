"""The data sets that torchvision knows: where they are to be had, and by which checksums their files are known."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfd_studio.data import cifar, mnist, svhn
from cfd_studio.data.checksum import Archive, WrongSumError, is_whole
from cfd_studio.data.download import download
from cfd_studio.data.published_splits import MissingError, Splits
from cfd_studio.data.source import DataError, Source, Watch


class _Reader(NamedTuple):
    """torchvision's class, the files that are to be had, and how they are read."""

    kind: str
    archives: Callable[[Any], tuple[Archive, ...]]
    read: Callable[[Any, Path], Splits]


_READERS = {
    "cifar10": _Reader("CIFAR10", cifar.archives, cifar.read),
    "cifar100": _Reader("CIFAR100", cifar.archives, cifar.read),
    "mnist": _Reader("MNIST", mnist.archives, mnist.read),
    "fashion-mnist": _Reader("FashionMNIST", mnist.archives, mnist.read),
    "svhn": _Reader("SVHN", svhn.archives, svhn.read),
}
PUBLISHED = tuple(_READERS)


def published_images(name: str, given: Path | None, cache: Path, watch: Watch) -> Source:
    """Return the images of a published data set, whose test images are held out.

    Parameters
    ----------
    name : str
        One of `PUBLISHED`.
    given : Path or None
        A folder that holds its files; nothing is downloaded then.
    cache : Path
        Where its files are looked for, and downloaded to, otherwise.
    watch : Watch

    Raises
    ------
    DataError
        Where they are not to be had, or are not the published ones.
    """
    from torchvision import datasets

    reader = _READERS[name]
    kind = getattr(datasets, reader.kind)
    archives = reader.archives(kind)
    try:
        splits = reader.read(kind, given or cache)
    except MissingError:
        if given is not None:
            *first, last = (archive.name for archive in archives)
            names = f"{', '.join(first)} and {last}" if first else last
            advice = f"Put {names} there, or leave the folder out to have it downloaded."
            raise DataError(f"does not hold {reader.kind}", given, advice) from None
        splits = _fetched(reader, kind, archives, cache, watch)
    except WrongSumError:
        if given is not None:
            raise
        splits = _fetched(reader, kind, archives, cache, watch)
    train, test, class_names = splits
    labels = np.concatenate([train.labels, test.labels])

    def pictures() -> Iterator[NDArray[np.uint8]]:
        return chain(train.images, test.images)

    held_out = np.arange(len(labels)) >= len(train.labels)
    return Source(given or cache, labels, held_out, class_names, pictures, lambda index: f"image {index}")


def _fetched(reader: _Reader, kind: Any, archives: tuple[Archive, ...], cache: Path, watch: Watch) -> Splits:
    cache.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        try:
            if not is_whole(cache / archive.name, archive.digest):
                download(archive, cache, watch)
        except OSError as error:
            raise DataError(
                f"{reader.kind} could not be downloaded ({error.strerror or error})",
                cache,
                f"Put {archive.name} (from {archive.urls[0]}) there, or give a folder that holds it with --data.",
            ) from None
    return reader.read(kind, cache)
