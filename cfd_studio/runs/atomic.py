"""Files and folders that are either whole or not there: write beside, flush to the disk, rename."""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial-"


def write_bytes(path: Path, *pieces: bytes | memoryview) -> None:
    """Replace a file so that a reader sees the old content or the new one, whenever the power fails."""
    with opened(path) as stream:
        stream.writelines(pieces)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Replace files that belong together: all of them are on the disk before the first one gets its name."""
    with contextlib.ExitStack() as stack:
        for path, content in contents.items():
            stream = stack.enter_context(opened(path))
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to replace it as `write_bytes` does; an error leaves the old content and no half of the new."""
    temporary = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}-{path.name}")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill, and call it ``path`` once everything is in it; an error leaves nothing.

    ``path`` itself must not exist, or be empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}-{path.name}")
    temporary.mkdir()
    try:
        yield temporary
        sync_folder(temporary)
        if path.exists():
            path.rmdir()  # Windows renames onto no folder, not even an empty one
        replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)


def replace(source: Path, target: Path) -> None:
    """Rename over an existing file; retried where a reader blocks it (Windows)."""
    for attempt in range(20):
        try:
            source.replace(target)
            return
        except PermissionError:
            if attempt == 19 or os.name != "nt":
                raise
            time.sleep(0.05)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries; where the system cannot, nothing happens."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
