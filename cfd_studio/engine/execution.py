"""Which device and how many threads: asked for, or measured at the start of a job."""

import os
import statistics
import time
from collections.abc import Callable

import torch

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest

# More threads must save at least this share of a step; else the core is worth more to the window.
WORTH_IT = 0.85


def choose_device(wanted: str) -> str:
    """Return the device for a wish: ``auto`` takes the first GPU, or the CPU.

    Raises
    ------
    CfdError
        Where the device does not exist on this machine.
    """
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


def choose_threads(request: ExecutionRequest, device: str, step: Callable[[], None]) -> int:
    """Return how many CPU threads to use, and set them for this thread.

    Parameters
    ----------
    request : ExecutionRequest
        A number of threads other than 0 is taken as it is.
    device : str
    step : callable
        A piece of typical work, some milliseconds long; timed with 1, 2, 4, ... threads.
    """
    chosen = request.threads
    if not chosen:
        chosen = 1 if device != "cpu" else _fastest(available_cores(), step)
    torch.set_num_threads(chosen)
    return chosen


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def take_modest_threads() -> None:
    """Let this thread sample with half of the cores: waiting for one that a job holds costs far more than it gains."""
    torch.set_num_threads(max(1, available_cores() // 2))


def _fastest(cores: int, step: Callable[[], None]) -> int:
    candidates = [1]
    while candidates[-1] * 2 <= min(cores, 16):
        candidates.append(candidates[-1] * 2)
    times: dict[int, list[float]] = {threads: [] for threads in candidates}
    for _ in range(5):  # interleaved, so that a busy moment hits every candidate
        for threads in candidates:
            torch.set_num_threads(threads)
            step()
            began = time.perf_counter()
            step()
            times[threads].append(time.perf_counter() - began)
    best = candidates[0]
    for threads in candidates[1:]:
        if statistics.median(times[threads]) < WORTH_IT * statistics.median(times[best]):
            best = threads
    return best
