"""What a file or folder is that a person drops on the application, told from its name and from what lies in it."""

import contextlib
import itertools
import mimetypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.protocol.errors import CfdError

_KINDS_BY_SUFFIX = {
    ".json": "recipe",
    ".pt": "checkpoint",
    ".pth": "checkpoint",
    ".ckpt": "checkpoint",
    ".safetensors": "checkpoint",
    ".npz": "arrays",
    ".npy": "arrays",
    ".png": "sheet",
}
_MOST_LOOKED_AT = 2000  # names; a folder of images shows some among the first
_TAKEN = "Drop a recipe (.json), a run folder, a checkpoint, a sheet (.png), a folder of images or arrays (.npz, .npy)."


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that was dropped, and what it is."""

    kind: str
    path: Path


def recognise(paths: Sequence[Path]) -> Arrival:
    """Return what was dropped.

    Raises
    ------
    CfdError
        Where it is several things, or nothing that is known here.
    """
    if len(paths) != 1:
        raise CfdError(f"{len(paths)} things were dropped at once", advice="Drop one at a time.")
    path = paths[0]
    if path.is_dir():
        kind = "run" if (path / "run.json").is_file() else "images" if _holds_images(path) else None
        if kind is None:
            raise CfdError("the folder holds neither a run nor images", where=path.name, advice=_TAKEN)
    else:
        kind = _KINDS_BY_SUFFIX.get(path.suffix.lower())
        if kind is None:
            raise CfdError("nothing here can open such a file", where=path.name, advice=_TAKEN)
    return Arrival(kind, path)


def _holds_images(folder: Path) -> bool:
    names = itertools.islice(_names(folder), _MOST_LOOKED_AT)
    return any((mimetypes.guess_type(name)[0] or "").startswith("image/") for name in names)


def _names(folder: Path) -> Iterator[str]:
    """Yield the names of the files in a folder and its sub-folders, one class each."""
    try:
        with os.scandir(folder) as entries:
            inside = list(itertools.islice(entries, _MOST_LOOKED_AT))
    except OSError:
        return
    yield from (entry.name for entry in inside if entry.is_file())
    for entry in inside:
        with contextlib.suppress(OSError):  # one that may not be entered hides no other
            if entry.is_dir(follow_symlinks=False):
                with os.scandir(entry.path) as entries:
                    yield from (one.name for one in itertools.islice(entries, 10) if one.is_file())
