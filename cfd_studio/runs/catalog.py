"""The runs below a folder, each in a line."""

from dataclasses import dataclass
from pathlib import Path

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import read_lease
from cfd_studio.runs.pulse import Pulse
from cfd_studio.runs.status import JobStatus, read_status


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list says of a run.

    ``state`` is ``new`` (no job yet), a `JobState`, ``lost`` (its job died without saying so) or ``unreadable``.
    ``begun`` is when it or its newest job was begun, ``changed`` when it last gave a sign of life; both are times of
    day. Lists go by the first: it stands still while jobs are at work and clocks are set.
    """

    path: Path
    name: str
    state: str
    stages_done: int
    stages: int
    begun: float
    changed: float
    sentence: str = ""


def summarize(path: Path, pulse: Pulse | None = None) -> RunSummary:
    """Return the line of one run; an unreadable one gets a line as well."""
    run = RunFolder(path)
    try:
        config = run.config()
        done = sum(run.weights(stage.id).exists() for stage in config.stages)
        begun = max(_modified(path / name) for name in ("run.json", "jobs"))
        changed = max([begun, *(_modified(job.path) for job in run.jobs()[-1:])])
    except (CfdError, OSError) as error:
        return RunSummary(path, path.name, "unreadable", 0, 0, 0.0, 0.0, str(error))
    state, status = run_state(run, pulse)
    sentence = status.sentence if status else ""
    return RunSummary(path, config.name, state, done, len(config.stages), begun, changed, sentence)


def run_state(run: RunFolder, pulse: Pulse | None = None) -> tuple[str, JobStatus | None]:
    """Return the state of a run, as in `RunSummary`, and what its newest job said last.

    Parameters
    ----------
    run : RunFolder
    pulse : Pulse, optional
        Of a reader that looks repeatedly; without one a holder on another host counts as alive.
    """
    jobs = run.jobs()
    if not jobs:
        return "new", None
    status = read_status(jobs[-1].status)
    if status is not None and status.state.ended:
        return status.state.value, status
    if _is_held(run, status, pulse):
        return (status.state if status else JobState.STARTING).value, status
    again = read_status(jobs[-1].status)  # it may have ended between the two looks
    return (again.state.value if again and again.state.ended else "lost"), again


def list_runs(root: Path, pulse: Pulse | None = None) -> list[RunSummary]:
    """Return the runs directly below a folder, newest first."""
    try:
        folders = [entry for entry in root.iterdir() if _is_run(entry)]
    except OSError:
        return []
    return sorted((summarize(folder, pulse) for folder in folders), key=lambda run: run.begun, reverse=True)


def _is_run(folder: Path) -> bool:
    try:
        return (folder / "run.json").is_file()
    except OSError:  # one that may not be entered hides no other
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_held(run: RunFolder, status: JobStatus | None, pulse: Pulse | None) -> bool:
    try:
        holder = read_lease(run)
        if holder is None:
            return False
        if holder.near:
            return holder.process_lives()
    except OSError:
        pass  # somebody's, whoever it is
    # A process on another host cannot be looked at; a reader that looks again and again sees whether its heart beats.
    return pulse is None or not pulse.stands_still(run.path, status)
