"""A row measured: two sides warmed up, then timed in turns."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from cfd_studio.engine.bench.sides import Side
from cfd_studio.engine.bench.sizes import Row
from cfd_studio.engine.bench.timing import Spread, gain, interleaved
from cfd_studio.engine.bench.work import Work

SPAN = 0.3  # seconds that a round takes at least, so that the clock and its neighbours weigh little


@dataclass(frozen=True, slots=True)
class Timed:
    """What one side took.

    Attributes
    ----------
    seconds : tuple of float
        Of one step, in every round.
    memory : int or None
        Bytes at its peak; see `cfd_studio.engine.bench.work`.
    warm_up : float
        Seconds to make the networks and do the first step, compiling included.
    """

    seconds: tuple[float, ...]
    memory: int | None
    warm_up: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides of a row, timed in turns.

    Attributes
    ----------
    images : int
        Of one step.
    steps : int
        In one round.
    first, second : Timed
    """

    images: int
    steps: int
    first: Timed
    second: Timed

    @property
    def gain(self) -> Spread:
        """How many times as fast the second is as the first."""
        return gain(self.first.seconds, self.second.seconds)


@dataclass(frozen=True, slots=True)
class _Ready:
    work: Work
    memory: int | None
    warm_up: float
    seconds: float


def measure(row: Row, batch: int | None, sides: tuple[Side, Side], repeats: int, seconds: float) -> Pair:
    """Time a row on two sides in turns.

    Parameters
    ----------
    row : Row
    batch : int or None
    sides : (Side, Side)
    repeats : int
        Rounds.
    seconds : float
        After so many no further round is begun.
    """
    ready = [_warmed(side, row, batch) for side in sides]
    steps = max(1, math.ceil(SPAN / min(one.seconds for one in ready)))
    times = interleaved([partial(one.work.do, steps) for one in ready], repeats, seconds)
    first, second = (_timed(one, taken, steps) for one, taken in zip(ready, times, strict=True))
    return Pair(ready[0].work.images, steps, first, second)


def _warmed(side: Side, row: Row, batch: int | None) -> _Ready:
    """Let everything happen that happens once, and see how long a step takes, roughly."""
    began = time.perf_counter()
    work = side.work(row, batch)
    work.piece()
    warm = time.perf_counter()
    memory = work.peak()
    if memory is None:
        work.piece()
    return _Ready(work, memory, warm - began, work.pieces * (time.perf_counter() - warm))


def _timed(ready: _Ready, taken: Sequence[float], steps: int) -> Timed:
    return Timed(tuple(one / steps for one in taken), ready.memory, ready.warm_up)
