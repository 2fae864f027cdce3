"""A plot of two curves: a noisy one with its smoothed line, and a calm one measured now and then."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.curve_math import Array, log_ticks, robust_range, smooth, thin

_EMPTY = np.empty(0)
FEW_POINTS = 600  # up to here a smooth edge costs nothing that is felt


class CurvePlot(QWidget):
    """Shows a raw line, its smoothed line and a held-out line over steps.

    Signals
    -------
    hovered(object)
        Dict of what lies under the pointer (``step``, ``raw``, ``smoothed``, ``calm``), or None.
    range_taken
        The person zoomed or moved; the range stays until `follow_range`.
    """

    hovered = Signal(object)
    range_taken = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._raw: tuple[Array, Array] = (_EMPTY, _EMPTY)
        self._smoothed = _EMPTY
        self._calm: tuple[Array, Array] = (_EMPTY, _EMPTY)
        self._total = 1.0
        self._log = True
        self._share = 0.6
        self._following = True
        self.view: Any = pg.PlotWidget()
        self._item: Any = self.view.getPlotItem()
        self._item.hideButtons()
        self._item.setMenuEnabled(False)
        self.raw_line: Any = self._item.plot()
        self.smoothed_line: Any = self._item.plot()
        self.calm_line: Any = self._item.plot()
        self._lost: Any = pg.ScatterPlotItem(symbol="x", size=9)
        self._item.getViewBox().addItem(self._lost, ignoreBounds=True)
        self._cross: Any = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self._item.getViewBox().addItem(self._cross, ignoreBounds=True)
        # Only now: adding a curve overwrites both (pyqtgraph#1855).
        self._item.setDownsampling(auto=True, mode="peak")
        self._item.setClipToView(True)
        self._item.setLogMode(x=False, y=True)
        self._item.setLabel("bottom", "optimizer step")
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=6)
        self._item.getAxis("left").setWidth(64)
        self._item.getViewBox().setDefaultPadding(0.0)
        self._item.getViewBox().sigRangeChangedManually.connect(self._taken)
        self._item.getViewBox().sigYRangeChanged.connect(self._tick_axis)
        self.view.scene().sigMouseMoved.connect(self._moved)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self.setAccessibleName("Loss curve")
        self.setMinimumHeight(120)
        self._recolour()

    @property
    def log(self) -> bool:
        """Whether the losses are drawn on a logarithmic axis."""
        return self._log

    @property
    def following(self) -> bool:
        """Whether the range follows the curves."""
        return self._following

    def show_curves(self, raw: tuple[Array, Array], calm: tuple[Array, Array], total_steps: int) -> None:
        """Draw the curves; the arrays are not written to any more."""
        same = raw[0] is self._raw[0] and raw[1] is self._raw[1] and calm[1] is self._calm[1]
        if same and total_steps == self._total:
            return
        self._raw, self._calm, self._total = raw, calm, float(total_steps)
        self._draw()

    def set_log(self, log: bool) -> None:
        """Choose the axis."""
        if log != self._log:
            self._log = log
            self._item.setLogMode(x=False, y=log)
            self._draw()
            self._tick_axis()

    def set_smoothing(self, share: float) -> None:
        """Choose how much the smoothed line is smoothed, in [0, 1], whatever the number of points."""
        if share != self._share:
            self._share = share
            self._draw()

    def last_smoothed(self) -> float | None:
        """Return the newest smoothed value."""
        return float(self._smoothed[-1]) if len(self._smoothed) else None

    def follow_range(self) -> None:
        """Let the range follow the curves again."""
        self._following = True
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Recolour: pyqtgraph ignores the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._recolour()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the cross away with the pointer."""
        super().leaveEvent(event)
        self._cross.hide()
        self.hovered.emit(None)

    def _draw(self) -> None:
        steps, values = self._raw
        # A window that is a share of the curve: an equal weight would flatten a short one and leave a long one noisy.
        window = self._share**2 * 0.15 * len(values)
        self._smoothed = smooth(values, window / (1 + window))
        self.raw_line.setData(*self._drawable(steps, values))
        line = self._drawable(steps, self._smoothed)
        alone = "o" if len(line[0]) == 1 else None  # a line through one point is nothing to see
        self.smoothed_line.setData(*line, symbol=alone, antialias=len(line[0]) <= FEW_POINTS)
        calm = self._drawable(*self._calm)
        self.calm_line.setData(*calm, symbol="o" if len(calm[0]) <= 60 else None, antialias=len(calm[0]) <= FEW_POINTS)
        self._fit()
        lost = steps[~np.isfinite(values)]
        low = self._item.getViewBox().viewRange()[1][0]
        self._lost.setData(x=lost, y=np.full(len(lost), low))

    def _drawable(self, steps: Array, values: Array) -> tuple[Array, Array]:
        steps, values = thin(steps, values)
        if self._log:
            values = np.where(values > 0, values, np.nan)  # log10(0) would warn and draw nothing
        return steps, values

    def _fit(self) -> None:
        if not self._following:
            return
        # The raw line may stick out at its start; the lines that are read must not.
        limits = robust_range([self._raw[1], self._calm[1]], log=self._log)
        if limits is not None:
            self._item.getViewBox().setYRange(*limits, padding=0)
        last = max((float(part[-1]) for part in (self._raw[0], self._calm[0]) if len(part)), default=0.0)
        self._item.getViewBox().setXRange(0, max(last * 1.04, 0.1 * self._total), padding=0)

    def _tick_axis(self, *_: object) -> None:
        """Label a logarithmic axis where labels have room; pyqtgraph's own overlap below one decade."""
        axis = self._item.getAxis("left")
        if not self._log:
            axis.setTicks(None)
            return
        low, high = self._item.getViewBox().viewRange()[1]
        axis.setTicks([[(at, f"{10**at:.4g}") for at in log_ticks(low, high)]])

    def _taken(self, *_: object) -> None:
        self._following = False
        self.range_taken.emit()

    def _moved(self, position: QPointF) -> None:
        box = self._item.getViewBox()
        if not len(self._raw[0]) or not self._item.sceneBoundingRect().contains(position):
            self._cross.hide()
            self.hovered.emit(None)
            return
        self.hovered.emit(self.read(float(box.mapSceneToView(position).x())))

    def read(self, at: float) -> dict[str, float] | None:
        """Return the values nearest to a step, and put the cross there."""
        steps, values = self._raw
        if not len(steps):
            return None
        index = int(np.clip(np.searchsorted(steps, at), 1, max(len(steps) - 1, 1)))
        index = min(index, len(steps) - 1)
        if index and at - steps[index - 1] < steps[index] - at:
            index -= 1
        self._cross.setPos(float(steps[index]))
        self._cross.show()
        found = {"step": float(steps[index]), "raw": float(values[index]), "smoothed": float(self._smoothed[index])}
        if len(self._calm[0]):
            nearest = int(np.argmin(np.abs(self._calm[0] - steps[index])))
            found["calm"] = float(self._calm[1][nearest])
        return found

    def _recolour(self) -> None:
        self.view.setBackground(theme.current().surface)
        self.raw_line.setPen(pg.mkPen(theme.mixed("accent", "surface", 0.5 if theme.current().dark else 0.36), width=1))
        self.smoothed_line.setPen(pg.mkPen(theme.current().accent, width=2))
        self.calm_line.setPen(pg.mkPen(theme.current().second, width=2))
        for line, tone in ((self.smoothed_line, "accent"), (self.calm_line, "second")):
            line.setSymbolSize(5)
            line.setSymbolBrush(theme.color(tone))
            line.setSymbolPen(None)
        self._lost.setPen(pg.mkPen(theme.current().bad, width=2))
        self._cross.setPen(pg.mkPen(theme.current().faint, width=1, style=Qt.PenStyle.DashLine))
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.setPen(pg.mkPen(theme.current().border))
            axis.setTextPen(theme.current().muted)
            axis.setTickFont(theme.font(11, tabular=True))
        self._item.getAxis("bottom").setLabel("optimizer step", color=theme.current().faint, **{"font-size": "11px"})
        self._item.showGrid(x=False, y=True, alpha=0.7)
        self._item.getAxis("left").setZValue(-1)  # the grid belongs behind the curves
