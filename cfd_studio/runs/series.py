"""Curves that grow: two arrays with room to spare.

What was handed out stays as it is: points are only ever written behind the last one, and where points are dropped, the
next ones go into arrays of their own.
"""

import numpy as np
from numpy.typing import NDArray


class Series:
    """Points (step, value) with rising steps."""

    def __init__(self) -> None:
        self._steps = np.empty(256, dtype=np.float64)
        self._values = np.empty(256, dtype=np.float64)
        self._count = 0
        self._written = 0

    def __len__(self) -> int:
        return self._count

    @property
    def steps(self) -> NDArray[np.float64]:
        """Steps, shape (n,), strictly rising; a view that never changes."""
        return self._steps[: self._count]

    @property
    def values(self) -> NDArray[np.float64]:
        """Values, shape (n,); a view that never changes."""
        return self._values[: self._count]

    def append(self, step: int, value: float) -> None:
        """Add a point; points at or beyond its step are dropped first."""
        self.extend(np.array([step], dtype=np.float64), np.array([value], dtype=np.float64))

    def extend(self, steps: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Add points, shape (n,), whose steps rise strictly; points at or beyond the first are dropped before."""
        if self._count and steps[0] <= self._steps[self._count - 1]:
            self._count = int(np.searchsorted(self.steps, steps[0], side="left"))
        end = self._count + len(steps)
        if end > len(self._steps) or self._count < self._written:
            room = np.empty(max(end, 2 * self._count) - self._count)
            self._steps = np.concatenate([self.steps, room])
            self._values = np.concatenate([self.values, room])
        self._steps[self._count : end] = steps
        self._values[self._count : end] = values
        self._count = self._written = end

    def truncate(self, step: int) -> None:
        """Drop every point beyond ``step``."""
        self._count = int(np.searchsorted(self._steps[: self._count], step, side="right"))
