"""Files that are known by their checksum."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.data.source import DataError

_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Archive:
    """A file as it is published.

    Attributes
    ----------
    name : str
    md5 : str
        Its MD5 sum in hexadecimal digits; the one that torchvision knows.
    urls : tuple of str
        Where it is to be had; the first that answers will do.
    """

    name: str
    md5: str
    urls: tuple[str, ...] = ()


class WrongSumError(DataError):
    """A file is not the one that was published."""


def check(path: Path, md5: str) -> None:
    """Make sure that a file has a checksum.

    Raises
    ------
    WrongSumError
    """
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != md5:
        raise WrongSumError(
            f"is not the published file: its MD5 sum is {digest.hexdigest()} instead of {md5}",
            path,
            "Put the published one in its place.",
        )


def is_whole(path: Path, md5: str) -> bool:
    """Return whether there is a file of that checksum."""
    try:
        check(path, md5)
    except (OSError, WrongSumError):
        return False
    return True
