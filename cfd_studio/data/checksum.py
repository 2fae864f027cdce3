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
    digest : str
        Its sum in hexadecimal digits, or how that begins; the one that torchvision knows.
    urls : tuple of str
        Where it is to be had; the first that answers will do.
    algorithm : str
        Of the sum, as `hashlib` calls it.
    """

    name: str
    digest: str
    urls: tuple[str, ...] = ()
    algorithm: str = "md5"


class WrongSumError(DataError):
    """A file is not the one that was published."""


def check(path: Path, digest: str, algorithm: str = "md5") -> None:
    """Make sure that a file has a checksum, or one that begins so.

    Raises
    ------
    WrongSumError
    """
    found = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            found.update(piece)
    if not found.hexdigest().startswith(digest):
        raise WrongSumError(
            f"is not the published file: its {algorithm.upper()} sum is {found.hexdigest()} instead of {digest}",
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
