"""What is let in from the disk: plain files of a bounded size, and no link out of a run."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import psutil

from cfd_studio.protocol.errors import CfdError

# What says that a file is not what it should be. Other errors are the disk's, and the file may be as good as ever.
UNFIT = frozenset({errno.ELOOP, errno.EINVAL, errno.EFBIG, errno.EISDIR, errno.ENOTDIR})
LARGEST_CONFIG = 8 * 2**20
LARGEST_NOTE = 2**20  # status, lease, plan, figures, manifest, settings

JOB_NAME = re.compile(r"([0-9]{4,9})-([a-z]+)")
OF_A_RUN = (
    "run.json",
    "config.json",
    "lease.json",
    ".lease.lock",
    ".lease.epoch",
    ".reserve",
    "jobs",
    "stages",
    "imports",
)
_OF_A_STAGE = ("weights.safetensors", "quality.json", "checkpoints", "samples")


def open_bounded(path: Path, limit: int | None = None, *, follow: bool = False) -> BinaryIO:
    """Open a plain file for reading; a pipe or a device in its place never blocks.

    Parameters
    ----------
    path : Path
    limit : int, optional
        Most bytes that the file may hold.
    follow : bool, optional
        Whether it may be a link: a person's own file may, one of a run may not.

    Raises
    ------
    OSError
        Where it is missing, a link, no plain file, or too large; ``strerror`` says which.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if not follow:
        if path.is_symlink():  # where the system has no such flag; and a clearer word than ELOOP's
            raise OSError(errno.ELOOP, "it is a link")
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    about = os.fstat(descriptor)
    if stat.S_ISREG(about.st_mode) and (limit is None or about.st_size <= limit):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file")
    raise OSError(errno.EFBIG, f"its {about.st_size:,} bytes are more than the {limit:,} allowed")


def read_bounded(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """Return the content of a file; its size is known to be at most ``limit`` before a byte is read.

    Raises
    ------
    OSError
        As `open_bounded`, or where it does not fit into the memory.
    """
    with open_bounded(path, limit, follow=follow) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            return stream.read(size)
        except MemoryError:
            raise OSError(errno.ENOMEM, f"its {size:,} bytes do not fit into the memory") from None


def memory_of_this_machine() -> int:
    """Return the bytes of memory: a file that is read whole is no larger."""
    return int(psutil.virtual_memory().total)


def refuse_links(run: Path, stages: Iterable[str]) -> None:
    """Make sure that nothing of a run leads out of it; the run folder itself may be reached through a link.

    Raises
    ------
    CfdError
        Where a folder or file that the application writes is a link.
    """
    for place in _places(run, stages):
        if place.is_symlink():
            raise CfdError(
                "is a link, and nothing of a run may lead out of it",
                where=str(place),
                advice="Put what it points to in its place.",
            )


def _places(run: Path, stages: Iterable[str]) -> Iterator[Path]:
    """Yield everything that is followed by name, each folder before what lies in it."""
    yield from (run / name for name in OF_A_RUN)
    for stage in stages:
        yield run / "stages" / stage
        yield from (run / "stages" / stage / name for name in _OF_A_STAGE)
    try:
        jobs = [entry for entry in (run / "jobs").iterdir() if JOB_NAME.fullmatch(entry.name)]
    except OSError:
        return
    for job in jobs:
        yield job
        yield job / "inbox"


def typed_path(text: str) -> Path:
    """Return the absolute path that a person typed; the home of a user who does not exist stays as it is written."""
    return Path(os.path.expanduser(text)).absolute()  # noqa: PTH111, its twin raises
