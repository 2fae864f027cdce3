"""One line of a chart: what was measured, faint, behind what it comes to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from cfd_studio.gui.widgets.curve_math import NOTHING, Array, to_axis
from cfd_studio.gui.widgets.line_colours import COUNT, faint_colour, line_colour
from cfd_studio.gui.widgets.pyramid import Pyramid

_FEW_POINTS = 600  # up to here a smooth edge costs nothing that is felt
_MOST_DOTS = 60
_WIDEST_WINDOW = 0.15  # of the points of a line


@dataclass(frozen=True, slots=True, eq=False)
class LineData:
    """What a line shows.

    Attributes
    ----------
    key : str
        Tells the line from every other.
    steps, values : ndarray of float64, shape (n,)
        Steps rise strictly; nobody writes to the arrays any more.
    noisy : bool
        Whether it is to be smoothed.
    """

    key: str
    name: str
    steps: Array
    values: Array
    noisy: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A line at one step; ``smoothed`` is None where the line is not smoothed."""

    step: float
    value: float
    smoothed: float | None


class ChartLine:
    """Draws a `LineData` in a box.

    Parameters
    ----------
    box : ViewBox
    """

    def __init__(self, box: Any) -> None:
        self._box = box
        self._pyramid = Pyramid()
        self._noisy = False
        self._number = -1  # of no colour yet
        self._trend: tuple[Array, Array] = (NOTHING, NOTHING)
        self.faint: Any = pg.PlotCurveItem()
        self.strong: Any = pg.PlotCurveItem()
        self.dots: Any = pg.ScatterPlotItem(size=6, pxMode=True)
        for item, height in ((self.faint, 0), (self.strong, 2), (self.dots, 3)):
            item.setZValue(height)
            box.addItem(item, ignoreBounds=True)

    @property
    def steps(self) -> Array:
        """All steps that were shown, shape (n,)."""
        return self._pyramid.steps

    @property
    def values(self) -> Array:
        """Their values, shape (n,)."""
        return self._pyramid.values

    @property
    def lost(self) -> Array:
        """The steps at which the value is not finite."""
        return self._pyramid.lost()

    def show(self, data: LineData, number: int) -> None:
        """Take new points, and the number of a colour."""
        self._noisy = data.noisy
        if data.values is not self.values or data.steps is not self.steps:
            self._pyramid.show(data.steps, data.values)
        if number != self._number:
            self._number = number
            self.recolour()

    def draw(self, low: float, high: float, *, log: bool, smoothing: float) -> Array:
        """Draw what lies between two steps; returns all values drawn, as the axis places them."""
        first, last = self._pyramid.within(low, high)
        steps, values = self._pyramid.envelope(first, last)
        values = to_axis(values, log=log)
        smoothed = self._noisy and smoothing > 0
        # A window that is a share of the curve: an equal one would flatten a short curve and leave a long one noisy.
        window = smoothing**2 * _WIDEST_WINDOW * len(self.steps)
        self._trend = self._pyramid.trend(first, last, window) if smoothed else (NOTHING, NOTHING)
        strong = (self._trend[0], to_axis(self._trend[1], log=log)) if smoothed else (steps, values)
        self.faint.setVisible(smoothed)
        if smoothed:
            self.faint.setData(steps, values, connect="finite")
        fine = len(strong[0]) <= _FEW_POINTS
        self.strong.setPen(self._pen(2 if fine else 1))
        self.strong.setData(*strong, connect="finite", antialias=fine)
        dotted = len(strong[0]) == 1 or (not self._noisy and len(strong[0]) <= _MOST_DOTS)
        self.dots.setVisible(dotted)
        if dotted:
            known = np.isfinite(strong[1])
            self.dots.setData(strong[0][known], strong[1][known])
        return np.concatenate([values, strong[1]])

    def read(self, step: float) -> Reading | None:
        """Return the point nearest to a step, or None where the line has no points around it."""
        if not len(self.steps) or not self.steps[0] <= step <= self.steps[-1]:
            return None
        return self._reading(self._pyramid.nearest(step))

    def newest(self) -> Reading | None:
        """Return the last point."""
        return self._reading(len(self.steps) - 1) if len(self.steps) else None

    def set_visible(self, visible: bool) -> None:
        """Show or hide all of it; `draw` brings back what belongs to it."""
        for item in (self.faint, self.strong, self.dots):
            item.setVisible(visible)

    def remove(self) -> None:
        """Take it off the chart."""
        for item in (self.faint, self.strong, self.dots):
            self._box.removeItem(item)

    def recolour(self) -> None:
        """Take the colours of the current theme."""
        self.faint.setPen(pg.mkPen(faint_colour(self._number), width=1))
        self.strong.setPen(self._pen(round(self.strong.opts["pen"].widthF())))
        self.dots.setBrush(pg.mkBrush(line_colour(self._number)))
        self.dots.setPen(None)

    def _pen(self, width: int) -> Any:
        """Return the pen of the strong line: wide ones are slow where a line goes up and down at every pixel."""
        style = Qt.PenStyle.SolidLine if self._number < COUNT else Qt.PenStyle.DashLine
        return pg.mkPen(line_colour(self._number), width=width, style=style)

    def _reading(self, index: int) -> Reading:
        step, value = float(self.steps[index]), float(self.values[index])
        smoothed = float(np.interp(step, *self._trend)) if len(self._trend[0]) else None
        return Reading(step, value, smoothed)
