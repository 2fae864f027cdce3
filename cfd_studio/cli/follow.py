"""Watching a job from a terminal: the same mirror that the window reads, drawn as progress bars."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
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
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.workers.thread import ThreadJob
from cfd_studio.workspace.folders import indexes_folder

REFRESH_SECONDS = 0.2


def follow(run: RunFolder, start: Callable[[], ThreadJob]) -> int:
    """Start a job and draw its progress until it ends; return the exit code.

    The first Ctrl-C stops and keeps, the second stops and discards.

    Raises
    ------
    CfdError
        Where the job could not begin.
    """
    console = Console(stderr=True)
    mirror = RunMirror(run, indexes=indexes_folder())
    before = max((one.number for one in run.jobs()), default=0)
    seen_log = 0
    with _interrupts(console) as wishes, _progress(console) as progress:
        job = start()
        bars: dict[str, TaskID] = {}
        alive = True
        while alive:
            alive = not job.wait(REFRESH_SECONDS)
            mirror.refresh()
            if wishes and mirror.job is not None and mirror.job.job > before:  # its own inbox is there by now
                inbox.drop(run.jobs()[-1].inbox, Command(verb=wishes.pop(0)))
            lines = (
                list(mirror.log)[len(mirror.log) - (mirror.log_count - seen_log) :]
                if mirror.log_count > seen_log
                else []
            )
            seen_log = mirror.log_count
            for _, level, text in lines:
                style = {"warning": "yellow", "error": "bold red"}.get(level, "")
                console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
            for stage in mirror.stages.values():
                if stage.state == "waiting" and stage.step == 0:
                    continue
                if stage.id not in bars:
                    bars[stage.id] = progress.add_task(stage.id, total=stage.total_steps, note="", visible=False)
                note = f"{stage.images_per_second:,.0f} images/s" if stage.state == "training" else stage.state
                visible = stage.state in ("training", "evaluating")
                progress.update(bars[stage.id], completed=stage.step, note=note, visible=visible)
    if job.error is not None:
        raise job.error
    return job.ended.exit_code if job.ended else 1


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
def _interrupts(console: Console) -> Iterator[list[Verb]]:
    """Turn Ctrl-C and a polite kill into wishes, which the caller passes on once the job can take them."""
    wishes: list[Verb] = []
    asked = False

    def ask(_signal: int, _frame: object) -> None:
        nonlocal asked
        wishes.append(Verb.STOP_DISCARD if asked else Verb.STOP_KEEP)
        console.print("Stopping." if asked else "Stopping and saving; once more to stop without saving.")
        asked = True

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wishes
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
