"""Checkpoints: folders that exist exactly when they are complete."""

import hashlib
import io
import json
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import Any

import torch

from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic

_NAME = re.compile(r"^step-(\d{8,})$")


def save_checkpoint(stage: Path, step: int, captured: dict[str, Any], keep: int) -> Path:
    """Write ``<stage>/checkpoints/step-<step>`` and delete all but the newest ``keep``.

    Everything is written into a folder of another name, flushed, and renamed: a kill at any moment leaves the old
    checkpoints and at most one partial folder, which the next save removes. An error leaves none.
    """
    target = checkpoint_folder(stage, step)
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{atomic.PARTIAL}*"):  # first of all: its room may be needed
        shutil.rmtree(leftover, ignore_errors=True)
    if not target.exists():
        buffer = io.BytesIO()
        torch.save(captured, buffer)
        data = buffer.getbuffer()
        partial = folder / f"{atomic.PARTIAL}{uuid.uuid4().hex}"
        manifest = {"step": step, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        try:
            partial.mkdir()
            _write(partial / "state.pt", data)
            _write(partial / "manifest.json", json.dumps(manifest, indent=2).encode())
            atomic.sync_folder(partial)
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
        found = [entry for entry in (stage / "checkpoints").iterdir() if _NAME.match(entry.name)]
    except OSError:
        return []
    return sorted(found, key=checkpoint_step)


def checkpoint_step(checkpoint: Path) -> int:
    """Return the optimizer step that a checkpoint's name says."""
    return int(checkpoint.name.removeprefix("step-"))


def load_checkpoint(checkpoint: Path, device: str) -> dict[str, Any]:
    """Return what `TrainingState.capture` returned. Nothing in the file is executed.

    Raises
    ------
    CfdError
        Where the file is missing, truncated, altered or holds anything but tensors and plain values.
    """
    file = checkpoint / "state.pt"
    try:
        manifest = json.loads((checkpoint / "manifest.json").read_bytes())
        data = file.read_bytes()
        if len(data) != manifest["bytes"]:
            raise CfdError(
                f"the checkpoint is truncated ({len(data):,} of {manifest['bytes']:,} bytes)",
                where=str(file),
                advice=way_out(checkpoint),
            )
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise CfdError(
                "the checkpoint is not the one that was written", where=str(file), advice=way_out(checkpoint)
            )
        captured = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except CfdError:
        raise
    except Exception as error:  # torch's unpickler raises nearly anything on hostile content
        if out_of_memory(error) or (isinstance(error, OSError) and not isinstance(error, FileNotFoundError)):
            raise  # nothing is wrong with the checkpoint itself, and nobody should delete it
        raise CfdError("the checkpoint cannot be read", where=str(file), advice=way_out(checkpoint)) from None
    if not isinstance(captured, dict) or "network" not in captured:
        raise CfdError("this file is no checkpoint of CFD Studio", where=str(file), advice=way_out(checkpoint))
    return captured


def way_out(checkpoint: Path) -> str:
    """Return what to do about a checkpoint that cannot be used."""
    ending = "or the stage begins anew."
    return f"Delete the folder {checkpoint.name} and resume: the run goes on from the one before, {ending}"


def _write(path: Path, data: bytes | memoryview) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
