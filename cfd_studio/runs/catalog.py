"""The runs below a folder, each in a line."""

import socket
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder, is_alive
from cfd_studio.runs.status import read_status


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list says of a run.

    ``state`` is ``new`` (no job yet), a `JobState`, ``lost`` (its job died without saying so) or ``unreadable``.
    """

    path: Path
    name: str
    state: str
    stages_done: int
    stages: int
    changed: float
    sentence: str = ""


def summarize(path: Path) -> RunSummary:
    """Return the line of one run; an unreadable one gets a line as well."""
    run = RunFolder(path)
    try:
        config = run.config()
        changed = (path / "run.json").stat().st_mtime
    except (CfdError, OSError) as error:
        return RunSummary(path, path.name, "unreadable", 0, 0, 0.0, str(error))
    done = sum(run.weights(stage.id).exists() for stage in config.stages)
    jobs = run.jobs()
    state, sentence = "new", ""
    if jobs:
        status = read_status(jobs[-1].status)
        changed = max(changed, jobs[-1].path.stat().st_mtime)
        state = status.state.value if status else "lost"
        sentence = status.sentence if status else ""
        if status and not status.state.ended and not _is_held(run):
            state = "lost"
    return RunSummary(path, config.name, state, done, len(config.stages), changed, sentence)


def list_runs(root: Path) -> list[RunSummary]:
    """Return the runs directly below a folder, newest first."""
    try:
        folders = [entry for entry in root.iterdir() if _is_run(entry)]
    except OSError:
        return []
    return sorted((summarize(folder) for folder in folders), key=lambda run: run.changed, reverse=True)


def _is_run(folder: Path) -> bool:
    try:
        return (folder / "run.json").is_file()
    except OSError:  # one that may not be entered hides no other
        return False


def is_running(run: RunFolder) -> bool:
    """Tell whether a job works on the run now, as far as this host can see at once."""
    jobs = run.jobs()
    status = read_status(jobs[-1].status) if jobs else None
    return status is not None and not status.state.ended and _is_held(run)


def _is_held(run: RunFolder) -> bool:
    holder = current_holder(run)
    if holder is None:
        return False
    # A holder on another host would need a wait to be judged; a list takes its word.
    return holder.host != socket.gethostname() or is_alive(run, holder)
