"""The axes of a chart: values at its left, on a linear or a logarithmic scale, and steps below."""

from html import escape
from typing import Any

import pyqtgraph as pg

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.curve_math import log_ticks

MOST_DECADES = 300.0  # beyond them there are no numbers


class ChartAxes:
    """Labels both axes of a plot.

    Parameters
    ----------
    item : PlotItem
    """

    def __init__(self, item: Any) -> None:
        self._item = item
        self._words = "optimizer step"
        self._labelled: tuple[float, float] | None = None
        self.values, self.steps = item.getAxis("left"), item.getAxis("bottom")
        for axis in (self.values, self.steps):
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=6)
            axis.setCacheMode(axis.CacheMode.DeviceCoordinateCache)  # ticks are dear, and change rarely
        self.values.setWidth(64)

    def name_steps(self, words: str) -> None:
        """Write something below the steps."""
        if words != self._words:
            self._words = words
            self._write_name()

    def label_values(self, low: float, high: float, *, log: bool) -> None:
        """Label a logarithmic axis where labels have room; pyqtgraph's own overlap below one decade."""
        wanted = (low, high) if log else None
        if wanted != self._labelled:
            self._labelled = wanted
            seen = log_ticks(max(low, -MOST_DECADES), min(high, MOST_DECADES)) if log else []
            self.values.setTicks([[(at, f"{10**at:.4g}") for at in seen]] if log else None)

    def recolour(self) -> None:
        """Take the colours of the current theme."""
        for axis in (self.values, self.steps):
            axis.setPen(pg.mkPen(theme.current().border))
            axis.setTextPen(theme.current().muted)
            axis.setTickFont(theme.font(11, tabular=True))
        self._write_name()
        self._item.showGrid(x=False, y=True, alpha=0.7)
        self.values.setZValue(-1)  # the grid belongs behind the curves

    def _write_name(self) -> None:
        style = {"color": theme.current().faint, "font-size": "11px"}
        self.steps.setLabel(escape(self._words), **style)  # it would be read as HTML
