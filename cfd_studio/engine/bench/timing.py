"""Times that can be compared on a busy machine: taken in turns, and told with their spread."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Piece = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several values, and the lowest and highest of them."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def over(self, amount: float) -> "Spread":
        """Return the rates at which an amount is done in these times, the fastest highest."""
        return Spread(amount / self.median, amount / self.highest, amount / self.lowest)


def interleaved(
    pieces: Sequence[Piece], repeats: int, seconds: float, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Time pieces of work in turns: the first, the second, ..., the first again.

    Whatever else the machine does hits all of them alike.

    Parameters
    ----------
    pieces : sequence of callable
        Each waits for the device at its end.
    repeats : int
        Rounds, at least 1.
    seconds : float
        After so many no further round is begun.
    clock : callable, optional

    Returns
    -------
    list of list of float
        For each piece the seconds of every round.
    """
    times: list[list[float]] = [[] for _ in pieces]
    began = clock()
    for _ in range(repeats):
        for piece, taken in zip(pieces, times, strict=True):
            before = clock()
            piece()
            taken.append(clock() - before)
        if clock() - began >= seconds:
            break
    return times


def gain(slow: Sequence[float], quick: Sequence[float]) -> Spread:
    """Return how many times as long one takes as the other, pair by pair of the same round."""
    return Spread.of([one / other for one, other in zip(slow, quick, strict=True)])
