"""One look at the queue: what became of the runs at work, and which may begin now. One job works on each device."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.runs.pulse import Pulse
from cfd_studio.workspace.queue import EntryState, Queue, QueueEntry

ANY = "any"  # what nobody can tell stands in everybody's way
_BUSY = frozenset({"starting", "running", "paused", "stopping"})
_LOST = "Its job ended without a word. It goes on from its newest checkpoint."


@dataclass(slots=True)
class Round:
    """What a look found.

    Attributes
    ----------
    finished : list of str
        Ids of entries whose runs have nothing left to do.
    told : dict of str to (state, sentence)
        What became of entries, by id.
    starts : list of (str, ExecutionRequest)
        Ids of entries that may begin now, with the device that each gets.
    """

    finished: list[str] = field(default_factory=list)
    told: dict[str, tuple[EntryState, str]] = field(default_factory=dict)
    starts: list[tuple[str, ExecutionRequest]] = field(default_factory=list)


def devices_of(request: ExecutionRequest, gpus: int) -> frozenset[str]:
    """Return the devices that a job occupies, on a machine with so many GPUs that can be counted."""
    device = request.device
    if device == "auto" and not gpus:
        return frozenset({ANY})  # Metal, or GPUs that this system does not list
    if device in ("auto", "cuda"):
        return frozenset(f"cuda:{index}" for index in range(request.processes))
    return frozenset({device})


def clash(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether two jobs would share a device."""
    return bool(one & other) or (ANY in one and bool(other)) or (ANY in other and bool(one))


def placed(request: ExecutionRequest, busy: frozenset[str], gpus: int) -> ExecutionRequest | None:
    """Return the request with the device that it gets, or None while none is free; ``auto`` takes any free GPU."""
    if request.device == "auto" and gpus and request.processes == 1:
        free = next((name for index in range(gpus) if (name := f"cuda:{index}") not in busy | {ANY}), None)
        return None if free is None or ANY in busy else request.model_copy(update={"device": free})
    return None if clash(devices_of(request, gpus), busy) else request


def look(
    queue: Queue, here: dict[Path, ExecutionRequest], elsewhere: Iterable[Path], gpus: int, pulse: Pulse, *, going: bool
) -> Round:
    """Look at all runs that matter.

    Parameters
    ----------
    queue : Queue
    here : dict of Path to ExecutionRequest
        Runs on which jobs of this window work.
    elsewhere : iterable of Path
        Runs that may be in work by others.
    gpus : int
        How many GPUs the machine lists.
    pulse : Pulse
        Of this reader, who looks again and again.
    going : bool
        Whether entries may begin.
    """
    result = Round()
    busy: set[str] = set()
    for request in here.values():
        busy |= devices_of(request, gpus)
    for entry in queue.in_state("running"):
        if entry.path not in here and _outcome(entry, pulse, result):
            busy |= devices_of(entry.request, gpus)
    known = {*here, *(entry.path for entry in queue.in_state("running"))}
    for path in elsewhere:
        if path not in known and (theirs := _in_work(path)) is not None:
            busy |= devices_of(theirs, gpus)
    for entry in queue.ready if going else ():
        if entry.not_before > time.time() or entry.path in here:
            continue
        place = placed(entry.request, frozenset(busy), gpus)
        if place is None:
            continue
        if _may_begin(entry, pulse, result):
            result.starts.append((entry.id, place))
            busy |= devices_of(place, gpus)
    return result


def _outcome(entry: QueueEntry, pulse: Pulse, result: Round) -> bool:
    """Note what became of an entry on which no job of this window works; return whether another one does."""
    state, status = run_state(RunFolder(entry.path), pulse)
    sentence = status.sentence if status else ""
    if state in _BUSY:
        return True
    if state == JobState.FINISHED:
        result.finished.append(entry.id)
    elif state == JobState.FAILED:
        result.told[entry.id] = ("failed", sentence or "It failed, and its folder does not say why.")
    elif state == JobState.STOPPED:
        result.told[entry.id] = ("stopped", sentence)
    else:
        result.told[entry.id] = ("interrupted", _LOST if state == "lost" else "")
    return False


def _may_begin(entry: QueueEntry, pulse: Pulse, result: Round) -> bool:
    """Tell whether a run that waits is still to be worked on; note where it is not."""
    run = RunFolder(entry.path)
    if not (run.path / "run.json").is_file():
        result.told[entry.id] = ("failed", f"{entry.path}: there is no run any more.")
        return False
    state, _ = run_state(run, pulse)
    if state == JobState.FINISHED:
        result.finished.append(entry.id)
    elif state in _BUSY:
        result.told[entry.id] = ("running", "")
    else:
        return True
    return False


def _in_work(path: Path) -> ExecutionRequest | None:
    """Return what a job of somebody else has of this machine; None where it works on another one, or not at all."""
    run = RunFolder(path)
    holder = current_holder(run)
    if holder is None or not holder.near or not holder.process_lives():
        return None
    jobs = run.jobs()
    asked = (jobs[-1].read_request() if jobs else None) or ExecutionRequest()
    plan = jobs[-1].read_plan() if jobs else None
    return asked if plan is None else asked.model_copy(update={"device": plan.device, "processes": plan.processes})
