"""Checkpoints: folders that exist exactly when they are complete."""

import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.interop.archive import load_archive
from cfd_studio.protocol import strict_json
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import LARGEST_NOTE, UNFIT, memory_of_this_machine, read_bounded

_NAME = re.compile(r"step-[0-9]{8,12}")


def save_checkpoint(
    stage: Path, step: int, captured: dict[str, Any], keep: int, check: Callable[[], None] = lambda: None
) -> Path:
    """Write ``<stage>/checkpoints/step-<step>`` and delete all but the newest ``keep``.

    Everything is written into a folder of another name, flushed, and renamed: a kill at any moment leaves the old
    checkpoints and at most one partial folder, which the next save removes. An error leaves none. Nothing is deleted
    through a link.

    Parameters
    ----------
    stage : Path
        The stage's folder.
    step : int
    captured : dict
        What `TrainingState.capture` returned, or a copy of it.
    keep : int
    check : callable, optional
        Called once everything is on the disk, right before it gets its name; may raise to leave it without one.

    Raises
    ------
    CfdError
        Where the folder leads out of the run.
    OSError
        Where it cannot be written.
    """
    target = checkpoint_folder(stage, step)
    folder = target.parent
    if folder.is_symlink() or stage.is_symlink():
        raise CfdError("is a link, and nothing is saved outside of the run", where=str(folder), advice="Remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{atomic.PARTIAL}*"):  # first of all: its room may be needed
        shutil.rmtree(leftover, ignore_errors=True)
    if not target.exists():
        partial = folder / f"{atomic.PARTIAL}{uuid.uuid4().hex}"
        try:
            partial.mkdir()
            size, digest = _write(
                partial / "state.pt",
                lambda stream: torch.save(captured, stream),  # type: ignore[arg-type]  # it asks for two methods only
            )
            manifest = json.dumps({"step": step, "bytes": size, "sha256": digest}, indent=2).encode()
            _write(partial / "manifest.json", lambda stream: stream.write(manifest))
            atomic.sync_folder(partial)
            check()
            atomic.replace(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        atomic.sync_folder(folder)
    for old in checkpoints(stage)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def checkpoint_folder(stage: Path, step: int) -> Path:
    """Return where a stage's checkpoint of a step lies, or would."""
    return stage / "checkpoints" / f"step-{step:08d}"


def checkpoints(stage: Path) -> list[Path]:
    """Return a stage's checkpoints, oldest first."""
    try:
        found = [entry for entry in (stage / "checkpoints").iterdir() if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    return sorted(found, key=checkpoint_step)


def checkpoint_step(checkpoint: Path) -> int:
    """Return the optimizer step that a checkpoint's name says."""
    return int(checkpoint.name.removeprefix("step-"))


def load_checkpoint(checkpoint: Path, device: str) -> dict[str, Any]:
    """Return what `TrainingState.capture` returned. Nothing in the file is executed, and no link is followed.

    Raises
    ------
    CfdError
        Where the file is missing, truncated, altered, larger than this machine's memory, or holds anything but
        tensors and plain values.
    """
    file = checkpoint / "state.pt"

    def refused(what: str) -> CfdError:
        return CfdError(what, where=str(file), advice=way_out(checkpoint))

    if checkpoint.is_symlink():
        raise refused("the checkpoint is a link, and nothing of a run may lead out of it")
    try:
        manifest = strict_json.loads(read_bounded(checkpoint / "manifest.json", LARGEST_NOTE))
        size, digest, step = manifest["bytes"], manifest["sha256"], manifest["step"]
        data = read_bounded(file, memory_of_this_machine())
    except OSError as error:
        if error.errno not in UNFIT | {errno.ENOENT}:
            raise  # nothing is wrong with the checkpoint itself, and nobody should delete it
        raise refused(f"the checkpoint cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError):
        raise refused("the checkpoint cannot be read, for its manifest is damaged") from None
    if len(data) != size:
        raise refused(f"the checkpoint is truncated ({len(data):,} of {size!r} bytes)")
    if hashlib.sha256(data).hexdigest() != digest or step != checkpoint_step(checkpoint):
        raise refused("the checkpoint is not the one that was written")
    try:
        captured = load_archive(data, device)
    except Exception as error:  # torch's unpickler raises nearly anything on hostile content
        if out_of_memory(error):
            raise
        raise refused("the checkpoint cannot be read") from None
    if not isinstance(captured, dict) or "network" not in captured:
        raise refused("this file is no checkpoint of CFD Studio")
    return captured


def way_out(checkpoint: Path) -> str:
    """Return what to do about a checkpoint that cannot be used."""
    ending = "or the stage begins anew."
    return f"Delete the folder {checkpoint.name} and resume: the run goes on from the one before, {ending}"


class _Hashed:
    """A file that is hashed as it is written, so that nothing of it is held in memory.

    Attributes
    ----------
    size : int
        Bytes written.
    refusal : OSError or None
        What the disk said. What follows goes nowhere: torch would end its archive first, and complain of that.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0
        self.refusal: OSError | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written."""
        return self._hash.hexdigest()

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes, and return how many."""
        if self.refusal is None:
            try:
                self._stream.write(data)
            except OSError as error:
                self.refusal = error
            self._hash.update(data)
            self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: the file is flushed once it is whole."""


def _write(path: Path, fill: Callable[[_Hashed], object]) -> tuple[int, str]:
    """Write a file down to the disk; return its size and its SHA-256."""
    with path.open("wb") as stream:
        hashed = _Hashed(stream)
        fill(hashed)
        if hashed.refusal is not None:
            raise hashed.refusal
        stream.flush()
        os.fsync(stream.fileno())
    return hashed.size, hashed.digest
