"""The next batch made ready on a core that would be idle, while the network learns from this one."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from torch import Tensor

from cfd_studio.data.batches import Batches
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.idle_core import begin_helper
from cfd_studio.engine.state import TrainingState

# Wall over processor time from which on the core is not idle: with others on it the step would wait for the helper.
CROWDED = 2.0
# Over so many targets it is measured, and so many steps are done without a helper where it is.
TRIAL, REST = 10, 50


class _Waiting(NamedTuple):
    """A batch, the stream that its images are from, and where drawing it leaves that and the generator."""

    batch: "Future[Batch]"
    stream: Batches
    position: int
    generator: Tensor


class Ahead:
    """Draws every batch one step early, and computes meanwhile what does not depend on the weights in training.

    A student's target is a matter of its frozen teacher alone. What is computed is what would be computed in the step
    itself, with as many threads: to the last bit the same. Until a batch is taken the state is as if it had not been
    drawn, so that a checkpoint knows nothing of it. Where others need the core, batches are drawn in time for a while.

    Parameters
    ----------
    state : TrainingState
        On the CPU.
    draw : callable
        Returns the next batch of the state.
    foresee : callable
        Completes a batch, on another thread.
    """

    def __init__(self, state: TrainingState, draw: Callable[[], Batch], foresee: Callable[[Batch], Batch]) -> None:
        self._state = state
        self._draw = draw
        self._foresee = foresee
        self._waiting: _Waiting | None = None
        self._resting = 0
        self._wall = self._own = 0.0  # seconds of the helper in this trial
        self._tried = 0
        self._helper = begin_helper("cfd-ahead")

    def take(self, *, last: bool) -> Batch:
        """Return the next batch, complete or as drawn; begin the one after it unless this is the last."""
        if self._resting:
            self._resting -= 1
            return self._draw()
        waiting = self._waiting
        if waiting is None or waiting.stream is not self._state.batches:
            waiting = self._begin()
        self._state.generator.set_state(waiting.generator)
        self._state.batches.position = waiting.position
        taken = waiting.batch.result()
        self._resting = REST if self._crowded() else 0
        self._waiting = None if last or self._resting else self._begin()
        return taken

    def close(self) -> None:
        """Wait for what is being computed, and end the thread."""
        self._helper.shutdown(cancel_futures=True)

    def _begin(self) -> _Waiting:
        generator, batches = self._state.generator, self._state.batches
        before, position = generator.get_state(), batches.position
        batch = self._helper.submit(self._complete, self._draw())
        waiting = _Waiting(batch, batches, batches.position, generator.get_state())
        generator.set_state(before)
        batches.position = position
        return waiting

    def _complete(self, batch: Batch) -> Batch:
        wall, own = time.perf_counter(), time.thread_time()
        batch = self._foresee(batch)
        self._wall += time.perf_counter() - wall
        self._own += time.thread_time() - own
        self._tried += 1
        return batch

    def _crowded(self) -> bool:
        """Return whether a trial is over in which the helper took much longer than it should; begin the next."""
        if self._tried < TRIAL:
            return False
        crowded = self._wall > CROWDED * self._own
        self._wall = self._own = 0.0
        self._tried = 0
        return crowded
