"""What must be known of a run before it is thrown away."""

import os
from pathlib import Path

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.folder import RunFolder

_AT_WORK = frozenset(state.value for state in JobState if not state.ended)


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder; links count for themselves."""
    total = 0
    for below, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(below) / name).lstat().st_size
            except FileNotFoundError:  # a checkpoint that made room for the next
                continue
    return total


def refuse_at_work(run: Path) -> None:
    """Make sure that no job works on a run.

    Raises
    ------
    CfdError
        Where one does, or the folder is no run.
    """
    folder = RunFolder.open(run)
    if run_state(folder)[0] in _AT_WORK:
        raise CfdError("a job works on this run", where=str(run), advice="Stop it first; nothing was deleted.")
