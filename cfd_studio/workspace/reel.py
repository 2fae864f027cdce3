"""What is made piece by piece for hours, kept as it comes, so that whoever is stopped goes on where they were."""

import contextlib
import errno
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from cfd_studio.workspace.cache import MOST_BYTES, prune

_HEAD = struct.Struct("<4sQI")  # magic, bytes, their CRC-32
_MAGIC = b"reel"


class Reel:
    """Pieces of bytes in one file of a folder; a torn or damaged piece is as good as none, and so are all behind it.

    Where the file is a link, another process writes it, or the disk refuses, the reel is empty and keeps nothing.

    Parameters
    ----------
    folder : Path
        Of reels and nothing else; those that were longest unused make room.
    key : str
        Hexadecimal digits: the digest of all that the pieces depend on.
    most_bytes : int, optional
        A reel takes no more.
    """

    def __init__(self, folder: Path, key: str, most_bytes: int = MOST_BYTES) -> None:
        self.path = folder / key
        self._most = most_bytes
        self._lock = FileLock(folder / f"{key}.lock", blocking=False)
        self._file: BinaryIO | None = None
        self._before = 0
        with contextlib.suppress(OSError, Timeout):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._file = self._open()
            prune(folder, key, most_bytes)
        self._ours = self._file is not None
        if not self._ours:
            self._lock.release()

    def read(self, most_bytes: int) -> bytes | None:
        """Return the next piece; None behind the last one, and where it is damaged or longer than that."""
        if self._file is None:
            return None
        try:
            self._before = self._file.tell()
            head = self._file.read(_HEAD.size)
            magic, size, check = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, 0)
            piece = self._file.read(size) if magic == _MAGIC and size <= most_bytes else b""
        except OSError:  # a disk that cannot be read is not to be written either
            self.close()
            return None
        if piece and len(piece) == size and zlib.crc32(piece) == check:
            return piece
        self.back()
        return None

    def back(self) -> None:
        """Put the last piece that was read back: the next one that is appended takes its place."""
        if self._file is not None:
            self._file.seek(self._before)

    def append(self, piece: bytes) -> None:
        """Put a piece behind those that were read or appended so far; whatever was there is cut off."""
        if self._file is None:
            return
        try:
            if self._file.tell() + _HEAD.size + len(piece) <= self._most:
                self._file.truncate()
                self._file.write(_HEAD.pack(_MAGIC, len(piece), zlib.crc32(piece)) + piece)
                self._file.flush()
        except OSError:  # what is on the disk is of use all the same
            self.close()

    def remove(self) -> None:
        """Close it and delete its file, if it was ours."""
        self.close()
        if self._ours:
            for path in (self.path, Path(self._lock.lock_file)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the file to others."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
            self._lock.release()

    def _open(self) -> BinaryIO:
        if self.path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link")
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.path, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no plain file")
        os.utime(self.path)
        return os.fdopen(descriptor, "r+b")
