"""A stage's checkpoints: written while the training waits, or behind it.

Behind it, the training waits for a copy of its state and no longer; a thread hashes, writes, flushes and renames. All
else stays with the training thread: it says that a checkpoint is there, and where a write failed it does the same write
again itself, so that a disk that refuses, too little memory or a run that was taken over end as they do without a
thread.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import nn

from cfd_studio.engine.checkpoint import save_checkpoint
from cfd_studio.engine.controls import StopRequested
from cfd_studio.engine.mishaps import forget, out_of_memory
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.snapshot import snapshot
from cfd_studio.engine.storage import Storage
from cfd_studio.protocol.events import CheckpointSaved

# Bytes. A checkpoint, about four times as large, holds training up for some 30 ms; a thread that writes costs as much.
SMALL_WEIGHTS = 4 * 2**20


def worth_a_thread(network: nn.Module) -> bool:
    """Tell whether the checkpoints of a network are large enough for training to gain from a thread that writes."""
    return sum(weight.nbytes for weight in network.parameters()) >= SMALL_WEIGHTS


class _Write:
    """One checkpoint on its way to the disk.

    Parameters
    ----------
    step : int
    what : str
        Its name in a sentence.
    attempt : callable
        May be called repeatedly.

    Attributes
    ----------
    written : bool
        Whether the checkpoint is there.
    reason : str
        Why it is not; empty until that is known.
    """

    def __init__(self, step: int, what: str, attempt: Callable[[], object]) -> None:
        self.step = step
        self.what = what
        self.attempt = attempt
        self.written = False
        self.reason = ""
        # A thread of Linux inherits the niceness of the one that starts it.
        self._thread = threading.Thread(target=self._work, name="cfd-saving", daemon=False)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    def _work(self) -> None:
        try:
            self.attempt()
            self.written = True
        except Exception as error:  # whatever it is: it shows again where somebody can be told
            self.reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
            forget(error)


class Saver:
    """Saves a stage. A context: on leaving it, nothing is on its way to the disk any more.

    Parameters
    ----------
    folder : Path
        Of the stage.
    stage : str
        Its id.
    storage : Storage
    reporter : Reporter
    keep : int
        How many checkpoints stay.
    behind : bool
        Whether to write behind the training.
    """

    def __init__(self, folder: Path, stage: str, storage: Storage, reporter: Reporter, keep: int, behind: bool) -> None:
        self._folder = folder
        self._stage = stage
        self._storage = storage
        self._reporter = reporter
        self._keep = keep
        self._behind = behind
        self._under_way: _Write | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StopRequested):
            self._give_up(error)
        else:
            self.settle()

    def save(self, step: int, capture: Callable[[], dict[str, Any]]) -> None:
        """Write a checkpoint; return once it is there.

        Parameters
        ----------
        step : int
        capture : callable
            Returns the state.

        Raises
        ------
        StopRequested, JobError
            As `Storage.keep` does.
        """
        with self._reporter.within("saving"):
            self._storage.keep(self._what(step), lambda: self._save(step, capture()))
            self._say(step)

    def save_behind(self, step: int, capture: Callable[[], dict[str, Any]]) -> None:
        """Copy the state and return; the copy is written by and by. The one before was settled.

        Raises
        ------
        StopRequested, JobError
            As `save` does.
        """
        assert self._under_way is None
        if not (self._behind and self._begin(step, capture)):
            self.save(step, capture)

    def look(self) -> None:
        """Say that a checkpoint is there, if the one on its way is; where it failed, write it now.

        Raises
        ------
        StopRequested, JobError
            As `save` does.
        """
        if self._under_way and self._under_way.over:
            self.settle()

    def settle(self) -> None:
        """Wait until nothing is on its way to the disk.

        Raises
        ------
        StopRequested, JobError
            As `save` does.
        """
        write, self._under_way = self._under_way, None
        if write is None:
            return
        if not write.written:
            with self._reporter.within("saving"):
                write.join()
                if not write.written:
                    self._storage.keep(write.what, write.attempt)
        write.join()
        self._say(write.step)

    def _begin(self, step: int, capture: Callable[[], dict[str, Any]]) -> bool:
        """Copy the state and begin to write; return whether there was memory for it."""
        self._storage.check()
        try:
            copied, wait = snapshot(capture())

            def write() -> None:
                wait()
                self._save(step, copied)

            self._under_way = _Write(step, self._what(step), write)
            return True
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            forget(error)
        self._behind = False
        self._reporter.log(
            f"There is no memory for a copy of stage '{self._stage}': from here on it waits while a checkpoint is "
            "written.",
            "warning",
        )
        return False

    def _give_up(self, stop: StopRequested) -> None:
        """Wait for the write on its way and no longer, whatever comes of it."""
        write, self._under_way = self._under_way, None
        if write is None:
            return
        write.join()
        self._storage.close()  # nobody waits for the disk any more
        if write.written:
            self._say(write.step)
        elif not stop.unsaved:
            stop.unsaved = f"{write.what} cannot be written ({write.reason})"

    def _what(self, step: int) -> str:
        return f"the checkpoint of step {step:,} of stage '{self._stage}'"

    def _save(self, step: int, captured: dict[str, Any]) -> None:
        save_checkpoint(self._folder, step, captured, self._keep, self._storage.check)

    def _say(self, step: int) -> None:
        self._reporter.say(CheckpointSaved(stage=self._stage, step=step))
