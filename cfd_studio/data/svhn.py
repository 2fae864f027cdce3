"""SVHN as it is published: two MATLAB files, which torchvision reads."""

from pathlib import Path
from typing import Any

from cfd_studio.data.checksum import Archive, check
from cfd_studio.data.published_splits import MissingError, Split, Splits


def archives(kind: Any) -> tuple[Archive, ...]:
    """Return the files of training and test images."""
    return tuple(Archive(name, md5, (url,)) for url, name, md5 in (kind.split_list[split] for split in _SPLITS))


def read(kind: Any, folder: Path) -> Splits:
    """Read training and test images from a folder that holds the two files.

    Parameters
    ----------
    kind : type
        ``SVHN`` of torchvision, which knows names and sums.
    folder : Path

    Raises
    ------
    MissingError
        Where the folder does not hold both.
    DataError
        Where a file is not the published one.
    """
    files = archives(kind)
    if not all((folder / file.name).is_file() for file in files):
        raise MissingError
    for file in files:
        check(folder / file.name, file.digest)
    train, test = (kind(folder, split) for split in _SPLITS)
    return Splits(
        Split(train.data.transpose(0, 2, 3, 1), train.labels),
        Split(test.data.transpose(0, 2, 3, 1), test.labels),
        tuple("0123456789"),
    )


_SPLITS = ("train", "test")
