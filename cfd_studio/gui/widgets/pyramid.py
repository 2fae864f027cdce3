"""A long curve in blocks, so that drawing it costs what its picture holds and not what was measured.

Blocks are kept while a curve grows: a million points are summed up once, and then only what is new.
"""

import numpy as np
from numpy.typing import NDArray

from cfd_studio.gui.widgets.curve_math import NOTHING, Array, smooth

BLOCK = 64
MOST_POINTS = 2000  # of a line on the screen
LOW, HIGH, TOTAL, COUNT = range(4)
TREND_BINS = 500  # of a smoothed line of more points than that
_REACH = 6  # windows on either side of what is seen; what lies farther away weighs next to nothing


class Pyramid:
    """Points of a curve, and smallest, largest, sum and number of the finite values of every whole block of them."""

    def __init__(self) -> None:
        self.steps = self.values = NOTHING
        self._blocks: NDArray[np.float64] = np.empty((4, 0))

    def show(self, steps: Array, values: Array) -> None:
        """Take the points as they are now, shape (n,); the arrays are not written to any more."""
        kept = self._unchanged(steps, values)
        self.steps, self.values = steps, values
        whole = len(values) // BLOCK * BLOCK
        self._blocks = np.concatenate([self._blocks[:, :kept], _summed_up(values[kept * BLOCK : whole], BLOCK)], axis=1)

    def within(self, low: float, high: float) -> tuple[int, int]:
        """Return the points between two steps as a range of indices, with one more on either side."""
        first = int(np.searchsorted(self.steps, low, side="left")) - 1
        last = int(np.searchsorted(self.steps, high, side="right")) + 1
        return max(first, 0), min(last, len(self.steps))

    def envelope(self, first: int, last: int) -> tuple[Array, Array]:
        """Return a line through points ``first`` to ``last`` that keeps every peak and dip."""
        if last - first <= MOST_POINTS:
            return self.steps[first:last], self.values[first:last]
        size = _bin_size(last - first, MOST_POINTS // 2)
        start, bins = self._bins(first, last, size)
        left = start + size * np.arange(bins.shape[1])
        at = np.stack([left, np.minimum(left + size // 2, last - 1)], axis=1).ravel()
        return self.steps[at], bins[[LOW, HIGH]].T.ravel()

    def trend(self, first: int, last: int, window: float) -> tuple[Array, Array]:
        """Return the line smoothed over about ``window`` points on either side.

        Bins much narrower than the window come to the same as single points.
        """
        margin = int(_REACH * window) + 1
        start, end = max(first - margin, 0), min(last + margin, len(self.steps))
        if end <= start:
            return NOTHING, NOTHING
        size = _bin_size(end - start, TREND_BINS) if end - start > MOST_POINTS else 1
        start, bins = self._bins(start, end, size)
        left = start + size * np.arange(bins.shape[1])
        right = np.minimum(left + size, end) - 1
        line = smooth(bins[TOTAL], bins[COUNT], (window / size) / (1 + window / size))
        seen = (right >= first) & (left < last)
        return ((self.steps[left] + self.steps[right]) / 2)[seen], line[seen]

    def lost(self) -> Array:
        """Return the steps whose value is not finite."""
        whole = self._blocks.shape[1] * BLOCK
        torn = np.flatnonzero(self._blocks[COUNT] < BLOCK)
        at = (torn[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        at = np.concatenate([at, np.arange(whole, len(self.values))])
        return self.steps[at[~np.isfinite(self.values[at])]]

    def nearest(self, step: float) -> int:
        """Return the index of the point nearest to a step; there must be one."""
        index = int(np.clip(np.searchsorted(self.steps, step), 0, len(self.steps) - 1))
        return index - 1 if index and step - self.steps[index - 1] < self.steps[index] - step else index

    def _unchanged(self, steps: Array, values: Array) -> int:
        """Return how many leading blocks hold what they held.

        Curves grow, or go back and go on from there, which shows in the last points that were there before.
        """
        count = len(self.steps)
        last = slice(max(count - BLOCK, 0), count)
        grown = len(steps) >= count and np.array_equal(steps[last], self.steps[last])
        return self._blocks.shape[1] if grown and np.array_equal(values[last], self.values[last], equal_nan=True) else 0

    def _bins(self, first: int, last: int, size: int) -> tuple[int, NDArray[np.float64]]:
        """Return where the first bin begins, a multiple of ``size``, and all bins up to ``last``; the last is partial.

        Bins that begin at multiples stay where they are while the view moves: the line does not flicker.
        """
        start = first // size * size
        whole = start + (last - start) // size * size
        if size < BLOCK:
            body = _summed_up(self.values[start:whole], size)
        else:
            body = _joined(self._blocks[:, start // BLOCK : whole // BLOCK], size // BLOCK)
        tail = _summed_up(self.values[whole:last], last - whole)
        return start, np.concatenate([body, tail], axis=1)


def _bin_size(count: int, most: int) -> int:
    """Return the power of two that makes at most ``most`` bins of ``count`` points, but for the ends."""
    return 1 << max(int(np.ceil(np.log2(count / most))), 0)


def _summed_up(values: Array, size: int) -> NDArray[np.float64]:
    if not len(values):
        return np.empty((4, 0))
    grid = values.reshape(-1, size)
    finite = np.isfinite(grid)
    if not finite.all():
        grid = np.where(finite, grid, np.nan)
    return np.stack(
        [
            np.fmin.reduce(grid, axis=1),
            np.fmax.reduce(grid, axis=1),
            np.where(finite, grid, 0.0).sum(axis=1),
            finite.sum(axis=1),
        ]
    )


def _joined(blocks: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return one bin for every ``count`` blocks."""
    grid = blocks.reshape(4, -1, count)
    return np.stack(
        [
            np.fmin.reduce(grid[LOW], axis=1),
            np.fmax.reduce(grid[HIGH], axis=1),
            grid[TOTAL].sum(axis=1),
            grid[COUNT].sum(axis=1),
        ]
    )
