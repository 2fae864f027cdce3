"""A folder of images: a sub-folder per class, or no classes."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from cfd_studio.data.pictures import SUFFIXES
from cfd_studio.data.source import DataError, Labels, Source, Watch, held_out_split, unlabelled

_NUMBER = re.compile(r"([0-9]+)")
_Key = tuple[tuple[str | int, ...], ...]


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A file as it lies there.

    Attributes
    ----------
    name : str
        Relative to the folder.
    size : int
        Bytes.
    changed : int
        Nanoseconds since 1970.
    """

    name: str
    size: int
    changed: int


def list_images(root: Path, watch: Watch) -> list[ListedImage]:
    """Return the images below a folder, whatever lies how deep, in the order in which a person would number them.

    Hidden files and folders are left out, and so are links: nothing outside of the folder is read.

    Raises
    ------
    DataError
        Where there are none.
    OSError
        Where a folder cannot be read.
    """
    found: list[ListedImage] = []
    links = 0
    waiting = [root]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    links += 1
                elif entry.is_dir():
                    waiting.append(Path(entry.path))
                elif entry.is_file() and PurePath(entry.name).suffix.lower() in SUFFIXES:
                    about = entry.stat()
                    name = str(Path(entry.path).relative_to(root))
                    found.append(ListedImage(name, about.st_size, about.st_mtime_ns))
                    watch("listing", len(found), 0, "images")
    if not found:
        also = f"; {links:,} links in it were not followed" if links else ""
        kinds = ", ".join(sorted(SUFFIXES))
        raise DataError(f"holds no images{also}", root, f"Give a folder of files that end in {kinds}.")
    return sorted(found, key=lambda image: (_natural(image.name), image.name))


def image_folder(root: Path, images: list[ListedImage], held_out_share: float) -> Source:
    """Return the images of a folder.

    Each sub-folder is a class, where there are at least two of them and no image lies beside them; else the images have
    no classes.

    Parameters
    ----------
    root : Path
    images : list of ListedImage
    held_out_share : float
        In (0, 1), of each class.
    """
    labels, class_names = _classes([image.name for image in images])

    def pictures() -> Iterator[Path]:
        return (root / image.name for image in images)

    held_out = held_out_split(labels, held_out_share)
    return Source(root, labels, held_out, class_names, pictures, lambda index: images[index].name)


def _classes(names: list[str]) -> tuple[Labels, tuple[str, ...]]:
    parts = [PurePath(name).parts for name in names]
    folders = list(dict.fromkeys(part[0] for part in parts if len(part) > 1))  # sorted as the names are
    if len(folders) < 2 or any(len(part) == 1 for part in parts):
        return unlabelled(len(names)), ()
    number = {folder: index for index, folder in enumerate(folders)}
    return np.array([number[part[0]] for part in parts], dtype=np.int64), tuple(folders)


def _natural(name: str) -> _Key:
    """Return what sorts img-9 before img-10."""
    return tuple(
        tuple(int(piece) if index % 2 else piece.lower() for index, piece in enumerate(_NUMBER.split(part)))
        for part in PurePath(name).parts
    )
