"""Arrays in .npy and .npz files, read a piece at a time: whatever a file claims, no more memory is taken than a piece.

Nothing is unpickled, and a file whose sizes contradict each other is refused before it is read.
"""

import contextlib
import math
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cfd_studio.data.source import DataError

ADVICE = "Write it with numpy.savez(FILE, images=..., labels=...)."
_PIECE = 2**22


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in a file.

    Attributes
    ----------
    file : Path
    entry : str
        Its name in an .npz file; empty for an .npy file.
    shape : tuple of int
    dtype : numpy.dtype
    """

    file: Path
    entry: str
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield consecutive rows, as many as make a few megabytes.

        Raises
        ------
        DataError
            Where the file ends early or its checksum is wrong.
        """
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        at_once = max(1, _PIECE // row)
        with _readable(self.file), _opened(self.file, self.entry) as (stream, _):
            _header(stream)
            for start in range(0, self.shape[0], at_once):
                rows = min(at_once, self.shape[0] - start)
                content = stream.read(rows * row)
                yield np.frombuffer(content, self.dtype).reshape(rows, *self.shape[1:])

    def whole(self) -> NDArray[Any]:
        """Return everything; meant for labels."""
        return np.concatenate(list(self.pieces()))


def stored_arrays(file: Path) -> dict[str, StoredArray]:
    """Return the arrays of a file by their names; that of an .npy file is called images.

    Raises
    ------
    DataError
        Where it is no such file, or holds anything but plain numbers.
    """
    with _readable(file):
        if file.suffix.lower() == ".npy":
            return {"images": _described(file, "")}
        with zipfile.ZipFile(file) as archive:
            entries = [name for name in archive.namelist() if name.endswith(".npy")]
        return {entry.removesuffix(".npy"): _described(file, entry) for entry in entries}


def _described(file: Path, entry: str) -> StoredArray:
    with _opened(file, entry) as (stream, size):
        shape, fortran_order, dtype = _header(stream)
        name = entry or file.name
        if dtype.kind not in "buif":
            raise DataError(f"{name} holds {dtype} and no plain numbers", file, ADVICE)
        if fortran_order and len(shape) > 1:
            raise DataError(f"{name} is stored column by column", file, "Save numpy.ascontiguousarray of it.")
        if not shape or min(shape) < 1 or stream.tell() + math.prod(shape) * dtype.itemsize != size:
            raise DataError(f"{name} does not hold what it claims, {shape} of {dtype}", file, ADVICE)
        return StoredArray(file, entry, shape, dtype)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    """Read up to the first number."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(stream)]
    return read(stream)


@contextlib.contextmanager
def _opened(file: Path, entry: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open an array, and say how many bytes it has with its header."""
    with file.open("rb") as stream:
        if not entry:
            yield stream, os.fstat(stream.fileno()).st_size
            return
        with zipfile.ZipFile(stream) as archive, archive.open(entry) as inside:
            yield inside, archive.getinfo(entry).file_size


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (DataError, OSError, MemoryError):
        raise
    except Exception:  # the readers of numpy and zipfile raise nearly anything on content that is not theirs
        raise DataError(f"is no readable {file.suffix} file", file, ADVICE) from None
