"""The runs below a folder, each in a line."""

from dataclasses import dataclass
from pathlib import Path

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs.about import NOTHING_SAID, About, read_about
from cfd_studio.runs.contents import ContentsReader, Model, Standing
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import read_lease
from cfd_studio.runs.pulse import Pulse
from cfd_studio.runs.status import JobStatus, read_status


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list says of a run.

    ``state`` is ``new`` (no job yet), a `JobState`, ``lost`` (its job died without saying so) or ``unreadable``;
    whoever looks again and again may know of runs that are ``away`` (their folder does not answer) or ``gone``.
    ``begun`` is when it or its newest job was begun, ``changed`` when it last gave a sign of life; both are times of
    day. Lists go by the first: it stands still while jobs are at work and clocks are set. ``progress`` is the share of
    its stages that is done, the one in work included; ``strip`` its newest picture of samples.
    """

    path: Path
    name: str
    state: str
    stages_done: int
    stages: int
    begun: float
    changed: float
    sentence: str = ""
    progress: float = 0.0
    about: About = NOTHING_SAID
    models: tuple[Model, ...] = ()
    strip: Path | None = None

    @property
    def best(self) -> Standing | None:
        """How good its best model is; None before any is judged."""
        standings = [model.standing for model in self.models if model.standing is not None]
        return min(standings, key=lambda standing: standing.value, default=None)


class RunReader:
    """Looks at one run, again and again; what has not changed is not read again.

    Parameters
    ----------
    path : Path
    pulse : Pulse, optional
        Of a reader that looks repeatedly; without one a holder on another host counts as alive.
    """

    def __init__(self, path: Path, pulse: Pulse | None = None) -> None:
        self._run = RunFolder(path)
        self._pulse = pulse
        self._contents = ContentsReader(self._run)

    def read(self) -> RunSummary:
        """Return the line of the run; an unreadable one gets a line as well."""
        path, about = self._run.path, read_about(self._run.path)
        try:
            contents = self._contents.read()
            begun = max(_modified(path / name) for name in ("run.json", "jobs"))
            changed = max([begun, *(_modified(job.path) for job in self._run.jobs()[-1:])])
        except (CfdError, OSError) as error:
            return RunSummary(path, about.name or path.name, "unreadable", 0, 0, 0.0, 0.0, str(error), about=about)
        state, status = run_state(self._run, self._pulse)
        done, stages = sum(model.trained for model in contents.models), len(contents.models)
        return RunSummary(
            path,
            about.name or contents.name,
            state,
            done,
            stages,
            begun,
            changed,
            status.sentence if status else "",
            progress=(done + _share_of_next(contents.models, status)) / stages,
            about=about,
            models=contents.models,
            strip=contents.strip,
        )


def summarize(path: Path, pulse: Pulse | None = None) -> RunSummary:
    """Return the line of one run; an unreadable one gets a line as well."""
    return RunReader(path, pulse).read()


def run_folders(root: Path) -> list[Path]:
    """Return the runs directly below a folder; none where it cannot be read."""
    try:
        return [entry for entry in root.iterdir() if _is_run(entry)]
    except OSError:
        return []


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
    runs = (summarize(folder, pulse) for folder in run_folders(root))
    return sorted(runs, key=lambda run: run.begun, reverse=True)


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


def _share_of_next(models: tuple[Model, ...], status: JobStatus | None) -> float:
    """Return how much is done of the stage in work, in [0, 1]."""
    if status is None or not status.total_steps:
        return 0.0
    in_work = any(model.id == status.stage and not model.trained for model in models)
    return min(status.step / status.total_steps, 1.0) if in_work else 0.0


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
