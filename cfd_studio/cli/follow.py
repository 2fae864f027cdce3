"""Watching a job from a terminal: the same mirror that the window reads, drawn as progress bars."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import CfdError, JobError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status
from cfd_studio.workers.process import ProcessJob
from cfd_studio.workers.thread import ThreadJob
from cfd_studio.workspace.folders import indexes_folder

REFRESH_SECONDS = 0.2


def follow(run: RunFolder, start: Callable[[], ThreadJob | ProcessJob], *, insists: bool = True) -> int:
    """Start a job and draw its progress until it ends; return the exit code.

    The first Ctrl-C stops and keeps, the second stops and discards. A polite kill, or a terminal that is closed, stops
    and keeps. A terminal or file that takes no more output does not disturb the training.

    Parameters
    ----------
    run : RunFolder
    start : callable
    insists : bool, optional
        Whether a second Ctrl-C means a second thought; not where a launcher repeats the first.

    Raises
    ------
    CfdError
        Where the job could not begin.
    """
    console = Console(file=cast(TextIO, _Undisturbed(sys.stderr)))
    mirror = RunMirror(run, indexes=indexes_folder())
    before = max((one.number for one in run.jobs()), default=0)
    with _interrupts(console, insists) as wishes, _progress(console) as progress:
        job = start()
        watch = _Watch(console, progress, mirror)
        alive = True
        while alive:
            alive = not job.wait(REFRESH_SECONDS)
            if wishes and run.jobs() and mirror.job is not None and mirror.job.job > before:  # its own inbox is there
                _pass_on(console, run, wishes.pop(0))
            with contextlib.suppress(MemoryError):  # it is the job that says so, and lives or dies of it
                watch.look()
    if isinstance(job, ProcessJob):
        return _exit_code_of_processes(console, job, mirror, before)
    if job.error is not None:
        raise job.error
    if job.ended is not None and mirror.ended != job.ended:  # the disk did not take its last words
        console.print(f"cfd-studio: {job.ended.sentence}", markup=False, highlight=False, soft_wrap=True)
    return job.ended.exit_code if job.ended else 1


def _exit_code_of_processes(console: Console, job: ProcessJob, mirror: RunMirror, before: int) -> int:
    """Return how a job in other processes ended, as far as its journal tells."""
    if mirror.ended is not None and mirror.job is not None and mirror.job.job > before:
        if job.failure and mirror.ended.state is not JobState.FINISHED and job.failure not in mirror.ended.sentence:
            console.print(f"cfd-studio: {job.failure}", markup=False, highlight=False, soft_wrap=True)
        return mirror.ended.exit_code
    if job.failure:
        raise CfdError(job.failure)
    raise JobError("the processes ended without a word", advice="What was saved is kept; resume the run.")


class _Watch:
    """What was seen of a run so far, and what is new."""

    def __init__(self, console: Console, progress: Progress, mirror: RunMirror) -> None:
        self._console = console
        self._progress = progress
        self._mirror = mirror
        self._seen_log = 0
        self._bars: dict[str, TaskID] = {}
        self._counter: tuple[str, TaskID] | None = None

    def look(self) -> None:
        """Print new lines of the log and move the bars."""
        mirror = self._mirror
        mirror.refresh()
        new = mirror.log_count - self._seen_log
        self._seen_log = mirror.log_count
        for _, level, text in list(mirror.log)[-new:] if new else []:
            style = {"warning": "yellow", "error": "bold red"}.get(level, "")
            self._console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
        for stage in mirror.stages.values():
            if stage.state == "waiting" and stage.step == 0:
                continue
            if stage.id not in self._bars:
                bar = self._progress.add_task(stage.id, total=stage.total_steps, note="", visible=False)
                self._bars[stage.id] = bar
            note = f"{stage.images_per_second:,.0f} images/s" if stage.state == "training" else stage.state
            visible = stage.state in ("training", "evaluating")
            self._progress.update(self._bars[stage.id], completed=stage.step, note=note, visible=visible)
        self._count()

    def _count(self) -> None:
        """Show how far a phase is that belongs to no stage, such as decoding, as long as it counts something."""
        jobs = self._mirror.run.jobs()
        status = read_status(jobs[-1].status) if jobs else None
        counted = status if status and status.unit and status.stage is None else None
        phase = counted.phase if counted else ""
        if self._counter and self._counter[0] != phase:
            self._progress.remove_task(self._counter[1])
            self._counter = None
        if counted is None:
            return
        if self._counter is None:
            note = escape(counted.unit)
            self._counter = phase, self._progress.add_task(escape(phase), total=counted.total or None, note=note)
        self._progress.update(self._counter[1], completed=counted.done, total=counted.total or None)


def _pass_on(console: Console, run: RunFolder, verb: Verb) -> None:
    """Give the job a command, by hand where the disk takes none."""
    from cfd_studio.engine.controls import listening

    command = Command(verb=verb)
    try:
        inbox.drop(run.jobs()[-1].inbox, command)
    except OSError as error:
        if controls := listening(run.path):
            controls.hand(command)
        else:
            console.print(f"The job cannot be reached ({error.strerror}).", style="yellow")


class _Undisturbed:
    """A stream whose reader may go away, or whose disk may be full, without anybody here minding."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


@contextmanager
def _interrupts(console: Console, insists: bool) -> Iterator[list[Verb]]:
    """Turn Ctrl-C, a polite kill and a closed terminal into wishes, passed on once the job can take them."""
    wishes: list[Verb] = []

    def ask(number: int, _frame: object) -> None:
        # Systems that shut down send several signals at a time: only a second Ctrl-C is a second thought.
        discard = insists and bool(asked) and number == signal.SIGINT
        asked.append(number)
        wishes.append(Verb.STOP_DISCARD if discard else Verb.STOP_KEEP)
        more = "; Ctrl-C once more to stop without saving." if insists else "."
        console.print("Stopping." if discard else f"Stopping and saving{more}")

    asked: list[int] = []
    wanted = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # What is ignored already, as under nohup, stays so.
    heard = [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, ask) for number in heard}
    try:
        yield wishes
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
