"""Images that were decoded once: a folder of plain arrays that the next job maps into its memory.

It is written beside and renamed, so it is whole or not there. It is believed only after its content was found to have
the key that it names, and made again otherwise.
"""

import io
import math
import os
import shutil
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.data.decoding import decode
from cfd_studio.data.images import DataSet, ImageSet, SplitDigest, content_key
from cfd_studio.data.source import DataError, Source, UnreadableError, Watch
from cfd_studio.engine.data_checks import NAMED
from cfd_studio.protocol.errors import CfdError, printable
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import open_bounded, read_bounded

LARGEST_ABOUT = 64 * 2**20
SPARE_BYTES = 2**28
UNREADABLE_IN = 100
_SPLITS = ("train", "held-out")


class About(BaseModel):
    """What ``about.json`` says of decoded images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: int = Field(ge=1)
    held_out: int = Field(ge=1)
    side: int = Field(ge=1, le=256)
    channels: int = Field(ge=1, le=3)
    class_names: tuple[str, ...]
    unreadable: tuple[str, ...]
    key: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.channels, self.side, self.side


def read_decoded(folder: Path, name: str, watch: Watch) -> DataSet | None:
    """Return decoded images, mapped and not read into the memory; None where there are none, or damaged ones.

    Parameters
    ----------
    folder : Path
    name : str
        Of the data set.
    watch : Watch
    """
    try:
        about = About.model_validate_json(read_bounded(folder / "about.json", LARGEST_ABOUT))
        train, held_out = (
            _split(folder, split, (count, *about.shape))
            for split, count in zip(_SPLITS, (about.train, about.held_out), strict=True)
        )
    except (OSError, ValueError):
        return None
    if content_key(about.shape, [split.digest(watch) for split in (train, held_out)]) != about.key:
        return None
    classes = len(about.class_names)
    return DataSet(name, train, held_out, classes, False, about.key, about.class_names, about.unreadable)


def write_decoded(folder: Path, source: Source, side: int, channels: int, watch: Watch) -> None:
    """Decode all images of a source into a folder; nobody else does so at the same time.

    Parameters
    ----------
    folder : Path
        What lies there, damaged or no folder at all, is removed.
    source : Source
    side, channels : int
        What every image becomes.
    watch : Watch
        Told of every image.

    Raises
    ------
    CfdError
        Where the disk has no room for them.
    DataError
        Where one of a hundred images or more cannot be read, or a split would be empty.
    """
    partial = folder.with_name(f".partial-{folder.name}")
    _clear(folder)
    _clear(partial)  # of a process that ended in the middle
    partial.mkdir(parents=True)
    try:
        _check_room(partial, len(source.labels) * channels * side**2)
        about = _decode_into(partial, source, side, channels, watch)
        atomic.write_bytes(partial / "about.json", about.model_dump_json().encode())
        atomic.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    atomic.sync_folder(folder.parent)


def _decode_into(folder: Path, source: Source, side: int, channels: int, watch: Watch) -> About:
    total = len(source.labels)
    unreadable: dict[str, str] = {}
    with ExitStack() as stack:
        train, held_out = splits = [
            stack.enter_context(closing(_SplitWriter(folder, name, total, (channels, side, side)))) for name in _SPLITS
        ]
        images = stack.enter_context(closing(decode(source, side, channels)))
        for index, image in enumerate(images):
            watch("caching", index, total, "images")
            if isinstance(image, UnreadableError):
                unreadable[source.name_of(index)] = str(image)
            else:
                (held_out if source.held_out[index] else train).add(image, source.labels[index])
        if len(unreadable) * UNREADABLE_IN >= total:
            raise _too_many(unreadable, total, source.where)
        if not (train.labels and held_out.labels):
            raise DataError(
                f"holds {total:,} images, too few of each class to hold a share of them out",
                source.where,
                "Give more images, or a larger data.held_out_share.",
            )
        return About(
            train=len(train.labels),
            held_out=len(held_out.labels),
            side=side,
            channels=channels,
            class_names=tuple(map(printable, source.class_names)),
            unreadable=tuple(map(printable, unreadable)),
            key=content_key((channels, side, side), [split.complete() for split in splits]),
        )


class _SplitWriter:
    """One split on its way to the disk.

    Parameters
    ----------
    folder : Path
    name : str
    most : int
        Images that may come.
    shape : (int, int, int)
        Of each.
    """

    def __init__(self, folder: Path, name: str, most: int, shape: tuple[int, int, int]) -> None:
        self._folder, self._name, self._most, self._shape = folder, name, most, shape
        self._digest = SplitDigest()
        self._stream = (folder / f"{name}-images.npy").open("wb")
        self._head(most)
        self.labels: list[int] = []

    def add(self, image: NDArray[np.uint8], label: int) -> None:
        """Write the next image."""
        self._stream.write(image.tobytes())
        self._digest.add(image)
        self.labels.append(label)

    def complete(self) -> bytes:
        """Flush everything to the disk, and return the digest."""
        assert self._head(len(self.labels)) == self._head(self._most), "numpy leaves room for any count"
        self._head(len(self.labels))
        os.fsync(self._stream.fileno())
        labels = np.array(self.labels, dtype=np.int64)
        with atomic.opened(self._folder / f"{self._name}-labels.npy") as stream:
            np.save(stream, labels)
        return self._digest.complete(labels)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _head(self, count: int) -> int:
        """Write the header for so many images, and return its length."""
        self._stream.seek(0)
        self._stream.write(_header((count, *self._shape), np.dtype(np.uint8)))
        self._stream.flush()
        return self._stream.tell()


def _too_many(unreadable: dict[str, str], total: int, where: Path) -> DataError:
    listed = "; ".join(f"{name} {why}" for name, why in islice(unreadable.items(), NAMED))
    more = "; ..." if len(unreadable) > NAMED else ""
    return DataError(
        f"{len(unreadable):,} of {total:,} images cannot be used ({listed}{more})",
        where,
        f"Fewer than one of {UNREADABLE_IN} may be: mend or remove them.",
    )


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    if size > free:
        raise CfdError(
            f"the decoded images take {size / 2**30:.1f} GB, and the disk has no room for them",
            where=str(folder.parent),
            advice="Make room there, or choose a smaller data.image_size.",
        )


def _clear(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def _header(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> bytes:
    """Return how an .npy file of such an array begins."""
    stream = io.BytesIO()
    values = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, values)
    return stream.getvalue()


def _split(folder: Path, name: str, shape: tuple[int, ...]) -> ImageSet:
    """Return a split whose images stay in their file; what is written to them reaches nobody.

    Raises
    ------
    OSError, ValueError
        Where a file is missing, or not of that shape.
    """
    images = _mapped(folder / f"{name}-images.npy", shape, np.dtype(np.uint8))
    labels = _mapped(folder / f"{name}-labels.npy", shape[:1], np.dtype(np.int64))
    return ImageSet(torch.from_numpy(images), torch.from_numpy(np.array(labels)))


def _mapped(path: Path, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> NDArray[Any]:
    # The header is known to the byte, so nothing has to make sense of one that is not ours.
    header = _header(shape, dtype)
    with open_bounded(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if stream.read(len(header)) != header or size != len(header) + math.prod(shape) * dtype.itemsize:
            raise ValueError("it is of another shape")
        return np.memmap(stream, dtype, "c", len(header), shape)
