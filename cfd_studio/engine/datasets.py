"""The images of a run: found, fetched, decoded once, and the same for everybody who asks."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from cfd_studio.data.arrays import image_arrays
from cfd_studio.data.digits import load_digits
from cfd_studio.data.folder import image_folder, list_images
from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.data.published import PUBLISHED, published_images
from cfd_studio.data.source import DataError, Source, Watch, unwatched
from cfd_studio.engine.data_checks import check_key, check_place
from cfd_studio.engine.decoded import read_decoded, write_decoded
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DataConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import typed_path
from cfd_studio.workspace.folders import data_sets_folder

DECODER = 1  # to be raised whenever the same files would become other bytes
_LOCK_SECONDS = 0.1
# Everything that decides which bytes come of the images, and how to get at them where nobody has decoded them yet.
Found = tuple[list[Any], Callable[[], Source]]


def load_data(data: DataConfig, folder: str = "", watch: Watch = unwatched) -> DataSet:
    """Return the images of a config, in memory or mapped into it.

    Parameters
    ----------
    data : DataConfig
    folder : str, optional
        Where they lie; empty for the user's cache.
    watch : Watch, optional
        Told of every file and piece; may raise to interrupt.

    Raises
    ------
    CfdError
        Where they are not to be had, or cannot be used.
    OSError
        Where the disk fails.
    """
    check_place(data.name, folder)
    with _told():
        loaded = _IN_MEMORY[data.name](data) if data.name in _IN_MEMORY else _from_cache(data, folder, watch)
    return replace(loaded, flip=data.flips)


def load_run_data(run: RunFolder, config: RunConfig, folder: str = "", watch: Watch = unwatched) -> DataSet:
    """Return the images that a run was begun with, from where its last job found them unless a folder is given.

    Raises
    ------
    CfdError
        As `load_data`, and where they are others.
    """
    plans = [plan for job in reversed(run.jobs()) if (plan := job.read_plan())]
    data = load_data(config.data, absolute(folder) or next((plan.data_folder for plan in plans), ""), watch)
    check_key(data, [plan.data_key for plan in plans])
    return data


def absolute(folder: str) -> str:
    """Return where the images lie, whoever asks from wherever; nothing where nothing is said."""
    return str(typed_path(folder)) if folder else ""


def _from_cache(data: DataConfig, folder: str, watch: Watch) -> DataSet:
    identity, open_source = _FINDERS[data.name](data, folder, watch)
    known = json.dumps([DECODER, data.name, data.side, data.depth, *identity])
    entry = data_sets_folder() / "decoded" / hashlib.sha256(known.encode()).hexdigest()[:32]
    entry.parent.mkdir(parents=True, exist_ok=True)
    with _alone(entry.with_suffix(".lock"), watch):
        if found := read_decoded(entry, data.name, watch):
            return found
        write_decoded(entry, open_source(), data.side, data.depth, watch)
    made = read_decoded(entry, data.name, watch)
    assert made is not None, "what was just written can be read"
    return made


def _find_published(data: DataConfig, folder: str, watch: Watch) -> Found:
    # Checksums say what is in them: wherever they lie, they are the same.
    given = Path(folder) if folder else None
    cache = data_sets_folder() / "downloads" / data.name
    return [], partial(published_images, data.name, given, cache, watch)


def _find_folder(data: DataConfig, folder: str, watch: Watch) -> Found:
    root = Path(folder)
    images = list_images(root, watch)
    identity = [str(root.resolve()), data.held_out_share, *([one.name, one.size, one.changed] for one in images)]
    return identity, partial(image_folder, root, images, data.held_out_share)


def _find_arrays(data: DataConfig, folder: str, watch: Watch) -> Found:  # noqa: ARG001
    file = Path(folder)
    about = file.stat()
    identity = [str(file.resolve()), data.held_out_share, about.st_size, about.st_mtime_ns]
    return identity, partial(image_arrays, file, data.held_out_share)


def _no_images(data: DataConfig) -> DataSet:
    none = ImageSet(
        torch.empty(0, data.depth, data.side, data.side, dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
    )
    return DataSet.of(data.name, none, none)


_IN_MEMORY: dict[str, Callable[[DataConfig], DataSet]] = {"digits": lambda _: load_digits(), "none": _no_images}
_FINDERS: dict[str, Callable[[DataConfig, str, Watch], Found]] = {
    **dict.fromkeys(PUBLISHED, _find_published),
    "folder": _find_folder,
    "arrays": _find_arrays,
}


@contextlib.contextmanager
def _alone(lock: Path, watch: Watch) -> Iterator[None]:
    """Let one process at a time decode the same images; the others find them decoded."""
    held = FileLock(lock)
    while True:
        try:
            held.acquire(timeout=_LOCK_SECONDS)
            break
        except Timeout:
            watch("waiting", 0, 0, "")
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise CfdError(error.what, where=str(error.where), advice=error.advice) from None
