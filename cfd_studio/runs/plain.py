"""Opening files that somebody else may have put there: plain ones only, never more than their reader expects."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST = 8 * 2**20
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))


def open_plain(path: Path) -> BinaryIO:
    """Open a file to read its bytes.

    Raises
    ------
    OSError
        Where it is missing, a link, a folder, or a pipe (which nobody may ever write into) or device.
    """
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no plain file", str(path))
    return os.fdopen(descriptor, "rb")


def read_plain(path: Path, largest: int = LARGEST) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    OSError
        As `open_plain`, and where there are more than ``largest``.
    """
    with open_plain(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > largest:
            raise OSError(errno.EFBIG, "File too large", str(path))
        return stream.read(size)
