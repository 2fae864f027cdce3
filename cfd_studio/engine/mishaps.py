"""What ends a job or a command through no fault of the program: memory that runs out, a device or a disk that fails.

Nothing here imports torch: where it is not loaded, none of its errors can have happened.
"""

import contextlib
import errno
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from cfd_studio.engine.memory import return_freed_memory
from cfd_studio.protocol.errors import CfdError, JobError
from cfd_studio.protocol.events import JobEnded, JobState

# As torch words what has no class of its own: the CPU allocator (Linux, Windows), C++, cuBLAS and cuDNN, a new thread's
# stack, a library that cannot be mapped.
_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "could not create a primitive",  # oneDNN, where it gets no memory for one
    "status_alloc_failed",
    "can't start new thread",
    "failed to map segment",
    "storage size calculation overflowed",
)
_DEVICE_WORDS = ("cuda error", "cudnn_status", "cublas_status", "hip error", "nccl error")
_PEER_WORDS = ("closed by peer", "connection reset by peer", "gloo", "remote process exited")
_DEVICES = ("cuda", "cudnn", "cublas", "hip", "mps")

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

ADVICE = {
    "training": "Resume with every batch in two parts (--accumulate 2, or the arrow beside Resume in the window), "
    "which changes nothing else; or choose a smaller batch_size in a new run.",
    "training a classifier": "Choose a smaller batch_size in a new run.",
    "evaluating": "Resume with --device cpu, or choose a smaller evaluation.batch_size in a new run.",
}
OTHER_ADVICE = "Close what else uses the memory, and resume."


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, the device's or the computer's."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError | ImportError) and any(words in said for words in _MEMORY_WORDS)


def device_lost(error: BaseException) -> bool:
    """Tell whether an error leaves the device unusable in this process, as a failed assertion on it does."""
    said = str(error).lower()
    return (
        isinstance(error, RuntimeError) and not out_of_memory(error) and any(words in said for words in _DEVICE_WORDS)
    )


def rank_lost(error: BaseException) -> bool:
    """Tell whether an error means that another process of the same job is gone."""
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _PEER_WORDS)


def explain(error: BaseException, doing: str, device: str, advice: str) -> JobError | None:
    """Return an error as the one sentence that a user needs; None where it is no mishap but a mistake of ours.

    Parameters
    ----------
    error : Exception
    doing : str
        What was being done, as in "training stage 'teacher'".
    device : str
        Where it was done.
    advice : str
        What helps against too little memory.
    """
    if out_of_memory(error):
        on_device = isinstance(error, RuntimeError) and any(name in str(error).lower() for name in _DEVICES)
        return JobError(f"not enough memory on {device if on_device else 'cpu'} while {doing}", advice=advice)
    if rank_lost(error):
        return JobError(
            f"another process of this job ended while {doing}", advice="See what it said itself, and resume."
        )
    if device_lost(error):
        return JobError(
            f"{device} failed while {doing} ({_first_line(error)}) and cannot be used again in this process",
            advice="Try again in a new process.",
        )
    if isinstance(error, OSError):
        reason = error.strerror or _first_line(error)
        where = str(error.filename) if error.filename is not None else None
        what = "cannot be read or written" if where else "a file cannot be read or written"
        return JobError(f"{what} ({reason}) while {doing}", where=where, advice=disk_advice(error.errno))
    return None


def disk_advice(code: int | None) -> str:
    """Return what to do about an error number of the disk."""
    if code in DISK_FULL:
        return "Make room on the disk, and try again."
    if code == errno.EFBIG:
        return "Allow larger files (ulimit -f), and try again."
    return "See that the folder is there and may be written, and try again."


def ending(
    error: Exception, phase: str, stage: str | None, device: str, standing: str, *, classifier: bool = False
) -> JobEnded:
    """Return how a job ended that an error ended, and let go of what the error holds on to.

    Parameters
    ----------
    error : Exception
    phase, stage : str
        What the job was busy with.
    device : str
    standing : str
        Where the run goes on from, as the end of a sentence.
    classifier : bool, optional
        Whether the stage is one, whose batches are never split.
    """
    advice = ADVICE.get(f"{phase} a classifier" if classifier else phase, ADVICE.get(phase, OTHER_ADVICE))
    doing = f"{phase or 'beginning'}{f' stage {stage!r}' if stage else ''}"
    details = None
    if isinstance(error, CfdError):
        sentence, code = str(error), error.exit_code
    elif mishap := explain(error, doing, device, advice):
        sentence, code = f"{mishap} {standing[0].upper()}{standing[1:]}.", 1
    else:
        said = f"{type(error).__name__}: {_first_line(error)}"
        sentence, code = f"An unexpected error ended the job while {doing}: {said}. What was saved is kept.", 1
        details = "".join(traceback.format_exception(error))
    forget(error)
    return JobEnded(state=JobState.FAILED, sentence=sentence, exit_code=code, details=details)


@contextlib.contextmanager
def told(doing: str, device: str, advice: str) -> Iterator[None]:
    """Turn the mishaps of a block into a `JobError`, as `explain` does.

    Raises
    ------
    JobError
        Where memory ran out, or a device or a disk failed.
    """
    try:
        yield
    except Exception as error:
        sentence = None if isinstance(error, CfdError) else explain(error, doing, device, advice)
        if sentence is None:
            raise
        forget(error)
        raise sentence from None


def forget(error: BaseException) -> None:
    """Empty the frames that an error's traceback pins, with the tensors in them."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__


def release_device_memory() -> None:
    """Give the memory that nobody uses any more back to the device, and the host's to the system."""
    return_freed_memory()
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return
    with contextlib.suppress(RuntimeError):  # a device that failed takes nothing back
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
