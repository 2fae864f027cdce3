"""Which device and how many threads: asked for, or measured at the start of a job."""

import contextlib
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from cfd_studio.engine.audience import ALONE
from cfd_studio.engine.ranks import announced_size
from cfd_studio.protocol.errors import CfdError

# More threads must save at least this share of a step; else the core is worth more to the window.
WORTH_IT = 0.85
# Large networks are measured fewer times: one of their steps is long enough to tell.
PATIENCE_SECONDS = 5.0


def choose_device(wanted: str, processes: int = 1) -> str:
    """Return the device for a wish: ``auto`` takes the first GPU, or the CPU.

    On CUDA nothing is rounded to TF32 from here on but where it is asked for; torch's convolutions would be.

    Parameters
    ----------
    wanted : str
    processes : int, optional
        That are to share every batch; where `torchrun` has started them already, it knows better.

    Raises
    ------
    CfdError
        Where the device does not exist on this machine.
    """
    device = _existing(wanted, int(os.environ.get("LOCAL_WORLD_SIZE", processes)))
    if device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False
    return device


def _existing(wanted: str, processes: int) -> str:
    if max(processes, announced_size()) > 1:
        return _device_of_rank(wanted, processes)
    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = wanted.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise CfdError(
            "there is no usable CUDA device on this machine", where=f"device {wanted}", advice="Use auto or cpu."
        )
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise CfdError(
            f"this machine has {count} CUDA devices, counted from 0", where=f"device {wanted}", advice="Use cuda:0."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise CfdError("there is no Metal device on this machine", where=f"device {wanted}", advice="Use auto or cpu.")
    return f"cuda:{index or 0}" if kind == "cuda" else kind


def _device_of_rank(wanted: str, processes: int) -> str:
    """Return the device of one of several processes: each has a CUDA device of its own, or all have the CPU."""
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if wanted not in ("auto", "cuda"):
        raise CfdError(
            f"{processes} processes cannot share it", where=f"device {wanted}", advice="Use auto, cuda or cpu."
        )
    if torch.cuda.device_count() < processes:
        raise CfdError(
            f"{processes} processes need a CUDA device each, and this machine has {torch.cuda.device_count()}",
            where=f"device {wanted}",
            advice="Use fewer processes, or cpu.",
        )
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}"


def choose_threads(
    wanted: int,
    device: str,
    typical: Callable[[], Callable[[], None]],
    sharers: int = 1,
    poll: Callable[[], None] = ALONE.poll,
) -> int:
    """Return how many CPU threads to use, and set them for this thread.

    Parameters
    ----------
    wanted : int
        Taken as it is, unless it is 0.
    device : str
    typical : callable
        Asked only where something is measured. Returns a piece of typical work, some milliseconds long, which is timed
        with 1, 2, 4, ... threads.
    sharers : int, optional
        Processes that share the cores.
    poll : callable, optional
        Called between two steps, and not timed; may raise to end early.
    """
    chosen = wanted
    if not chosen:
        chosen = 1 if device != "cpu" else _fastest(max(1, available_cores() // sharers), typical(), poll)
    torch.set_num_threads(chosen)
    return chosen


def available_cores() -> int:
    """Return how many whole cores this process may use: of those it may run on, as many as its quota pays for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, int(min(cores, _quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")))))


def take_modest_threads() -> None:
    """Let this thread sample with half of the cores: waiting for one that a job holds costs far more than it gains."""
    torch.set_num_threads(max(1, available_cores() // 2))


def _quota(membership: Path, groups: Path) -> float:
    """Return how many cores' worth of time the control groups of this process and those above them allow.

    One thread too many is worse than none: once the quota of a period is used up, all of them stand still.
    """
    allowed = math.inf
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # another system
        return allowed
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups / "cpu" if controllers else groups  # version 1 has a tree for each controller
        folder = root / own.lstrip("/")  # which a container does not see, only the root that is its own
        for group in (folder, *folder.parents):
            allowed = min(allowed, _allowance(group))
            if group == root:
                break
    return allowed


def _allowance(group: Path) -> float:
    """Return the quota of a control group in cores, infinity where it has none."""
    for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        with contextlib.suppress(OSError, ValueError):  # no such file; "max"
            quota, period = " ".join((group / name).read_text() for name in names).split()
            if int(quota) > 0:
                return int(quota) / int(period)
    return math.inf


def _fastest(cores: int, step: Callable[[], None], poll: Callable[[], None]) -> int:
    candidates = [1]
    while candidates[-1] * 2 <= min(cores, 16):
        candidates.append(candidates[-1] * 2)
    times: dict[int, list[float]] = {threads: [] for threads in candidates}

    def timed() -> float:
        poll()
        before = time.perf_counter()
        step()
        return time.perf_counter() - before

    spent = 0.0
    for _ in range(5):  # interleaved, so that a busy moment hits every candidate
        for threads in candidates:
            torch.set_num_threads(threads)
            first = timed()  # prepares for the other, unless it is so long that this makes no difference
            second = first if first > PATIENCE_SECONDS else timed()
            times[threads].append(second)
            spent += first + second
        if spent > PATIENCE_SECONDS:
            break
    best = candidates[0]
    for threads in candidates[1:]:
        if statistics.median(times[threads]) < WORTH_IT * statistics.median(times[best]):
            best = threads
    return best
