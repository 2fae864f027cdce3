"""MNIST and Fashion-MNIST as they are published: four compressed IDX files."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfd_studio.data.checksum import Archive, check
from cfd_studio.data.published_splits import MissingError, Split, Splits


def archives(kind: Any) -> tuple[Archive, ...]:
    """Return the files of a class of torchvision: images and labels for training, images and labels for the test."""
    return tuple(
        Archive(name, md5, tuple(str(mirror) + name for mirror in kind.mirrors)) for name, md5 in kind.resources
    )


def read(kind: Any, folder: Path) -> Splits:
    """Read training and test images from a folder that holds the four files, at its top or where torchvision puts them.

    Parameters
    ----------
    kind : type
        ``MNIST`` or ``FashionMNIST`` of torchvision, which knows names and sums.
    folder : Path

    Raises
    ------
    MissingError
        Where the folder does not hold all of them.
    DataError
        Where a file is not the published one.
    """
    files = archives(kind)
    for place in (folder, folder / kind.__name__ / "raw"):
        if all((place / file.name).is_file() for file in files):
            break
    else:
        raise MissingError
    for file in files:
        check(place / file.name, file.digest)
    images, labels, test_images, test_labels = (_idx(place / file.name) for file in files)
    # torchvision calls them "3 - three"
    names = tuple(name.partition(" - ")[0] for name in kind.classes)
    return Splits(Split(images, labels.astype(np.int64)), Split(test_images, test_labels.astype(np.int64)), names)


def _idx(path: Path) -> NDArray[np.uint8]:
    """Return the bytes of an IDX file: two zeros, the type, the number of axes, their lengths, the values."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
