"""Which steps and values of a chart are in sight while nobody has zoomed."""

from collections.abc import Callable
from typing import Any

from cfd_studio.gui.widgets.curve_math import Array, fitting_range

_SLACK = 0.04  # of a range that is followed


class ChartRange:
    """Keeps the range of a box on its lines, until the person takes it.

    Parameters
    ----------
    box : ViewBox

    Attributes
    ----------
    following : bool
        Whether the range follows the lines.
    newest : float
        How many of the last steps are followed, or which share of all where below 1; 0 is all of them.
    """

    def __init__(self, box: Any) -> None:
        self._box = box
        self.following = True
        self.newest = 0.0

    @property
    def steps(self) -> tuple[float, float]:
        """The first and the last step in sight."""
        low, high = self._box.viewRange()[0]
        return float(low), float(high)

    def follow_steps(self, last: float, total: float) -> None:
        """Show the steps up to the last of ``total``; a beginning gets some room to grow into."""
        if not self.following:
            return
        if not self.newest:
            self._choose(self._box.setXRange, 0, (0.0, max(last * 1.05, 0.1 * total)))
            return
        count = min(self.newest * last if self.newest < 1 else self.newest, last)
        self._choose(self._box.setXRange, 0, (last - count, last + max(0.05 * count, 1.0)))

    def follow_values(self, placed: Array, *, log: bool, robust: bool) -> None:
        """Show values, as the axis places them."""
        limits = fitting_range(placed, robust=robust, from_zero=not log)
        if self.following and limits is not None:
            self._choose(self._box.setYRange, 1, limits)

    def zoom(self, share: float, at: float) -> None:
        """Show a share of the steps around one of them."""
        low, high = self.steps
        self._box.setXRange(at - share * (at - low), at + share * (high - at), padding=0)

    def _choose(self, choose: Callable[..., object], axis: int, limits: tuple[float, float]) -> None:
        """Take a range, unless the one that is there nearly is it: axes that creep cannot be read, and cost time."""
        room = _SLACK * (limits[1] - limits[0])
        if max(abs(old - new) for old, new in zip(self._box.viewRange()[axis], limits, strict=True)) > room:
            choose(*limits, padding=0)
