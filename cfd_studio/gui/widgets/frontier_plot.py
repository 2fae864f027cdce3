"""A plot of points by cost and quality, with the line of those that none beats."""

import math
from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.curve_math import log_ticks
from cfd_studio.gui.widgets.marker import Marker

_SIZE, _CHOSEN_SIZE = 10, 15
_MARGIN = 0.06
_MOST_TICKS = 10
_DECADE = 0.15  # the least that an axis spans, in powers of ten


@dataclass(frozen=True, slots=True)
class Dot:
    """A point: what it is known by, where it lies, how it looks and what it is called."""

    key: Hashable
    x: float
    y: float
    marker: Marker
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line through places in the plane; a quiet one stands back."""

    places: tuple[tuple[float, float], ...]
    quiet: bool = False


class FrontierPlot(QWidget):
    """Shows points, lines, and a level that cannot be passed.

    Signals
    -------
    hovered(str)
        What lies under the pointer; empty for nothing.
    picked(object, bool)
        The key of a point that was clicked, and whether it joins those that are chosen.
    opened(object)
        The key of a point that was clicked twice.
    """

    hovered = Signal(str)
    picked = Signal(object, bool)
    opened = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.dots: tuple[Dot, ...] = ()
        self.lines: tuple[Line, ...] = ()
        self.chosen: frozenset[Hashable] = frozenset()
        self.floor: float | None = None
        self.log_y = True
        self._labels = ("", "")
        self._x_ticks: tuple[float, ...] = ()
        self.view: Any = pg.PlotWidget()
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # by the keyboard, the table below says all of it
        self._item: Any = self.view.getPlotItem()
        self._item.hideButtons()
        self._item.setMenuEnabled(False)
        self._box: Any = self._item.getViewBox()
        self._box.setDefaultPadding(0.0)
        self._curves: list[Any] = []
        self._level: Any = pg.InfiniteLine(angle=0)
        self._box.addItem(self._level, ignoreBounds=True)
        self.scatter: Any = pg.ScatterPlotItem(hoverable=True, tip=None, hoverSize=_CHOSEN_SIZE, antialias=True)
        self.scatter.setZValue(10)
        self._item.addItem(self.scatter)
        self.scatter.sigHovered.connect(self._hover)
        self.scatter.sigClicked.connect(self._click)
        self._box.sigRangeChanged.connect(self._tick_axes)
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=6)
        self._item.getAxis("left").setWidth(64)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self.setMinimumHeight(120)
        self._recolour()

    def show_dots(
        self,
        dots: Sequence[Dot],
        lines: Sequence[Line],
        floor: float | None,
        *,
        log_y: bool,
        x_ticks: tuple[float, ...] = (),
        labels: tuple[str, str],
    ) -> None:
        """Draw these points, lines and the level.

        The horizontal axis is logarithmic; few values that occur are labelled themselves.
        """
        self._x_ticks = x_ticks if len(x_ticks) <= _MOST_TICKS else ()
        now = (tuple(dots), tuple(lines), floor, log_y, labels)
        if now == (self.dots, self.lines, self.floor, self.log_y, self._labels):
            return
        self.dots, self.lines, self.floor, self.log_y, self._labels = now
        self.setAccessibleName(f"{labels[1]} by {labels[0]}, {len(self.dots)} points")
        self._recolour()
        self.fit()

    def choose(self, keys: Set[Hashable]) -> None:
        """Mark points."""
        if frozenset(keys) != self.chosen:
            self.chosen = frozenset(keys)
            self._draw_dots()

    def fit(self) -> None:
        """Show all of it."""
        xs = [math.log10(dot.x) for dot in self.dots]
        ys = [self._height(dot.y) for dot in self.dots]
        if not xs:
            return
        if self.floor is not None and (not self.log_y or self.floor > 0):
            ys.append(self._height(self.floor))
        self._box.setRange(xRange=_room(xs, _DECADE), yRange=_room(ys, _DECADE if self.log_y else 0.01), padding=0)

    def changeEvent(self, event: QEvent) -> None:
        """Recolour: pyqtgraph ignores the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._recolour()

    def leaveEvent(self, event: QEvent) -> None:
        """Read nothing out any more."""
        super().leaveEvent(event)
        self.hovered.emit("")

    def _height(self, value: float) -> float:
        return math.log10(value) if self.log_y else value

    def _hover(self, _: object, points: Any, *__: object) -> None:
        dot = self.dots[points[0].data()] if len(points) else None
        self.view.setCursor(Qt.CursorShape.PointingHandCursor if dot else Qt.CursorShape.ArrowCursor)
        self.hovered.emit(dot.words if dot else "")

    def _click(self, _: object, points: Any, event: Any) -> None:
        key = self.dots[points[0].data()].key
        if event.double():
            self.opened.emit(key)
        else:
            more = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
            self.picked.emit(key, bool(event.modifiers() & more))

    def _draw_dots(self) -> None:
        surface = theme.color("surface")
        self.scatter.setData(
            [
                {
                    "pos": (math.log10(dot.x), self._height(dot.y)),
                    "data": at,
                    "symbol": dot.marker.symbol,
                    "size": _CHOSEN_SIZE if dot.key in self.chosen else _SIZE,
                    "pen": pg.mkPen(
                        theme.color("text") if dot.key in self.chosen else dot.marker.colour,
                        width=2 if dot.key in self.chosen else 1.6,
                    ),
                    "brush": dot.marker.colour if dot.marker.filled else surface,
                }
                for at, dot in enumerate(self.dots)
            ]
        )

    def _draw_lines(self) -> None:
        for curve in self._curves:
            self._item.removeItem(curve)
        self._curves = []
        for line in self.lines:
            xs = np.array([math.log10(x) for x, _ in line.places])
            ys = np.array([self._height(y) for _, y in line.places])
            tone = theme.mixed("muted", "surface", 0.45 if line.quiet else 0.8)
            style = Qt.PenStyle.DashLine if line.quiet else Qt.PenStyle.SolidLine
            curve = pg.PlotCurveItem(xs, ys, pen=pg.mkPen(tone, width=1.4, style=style), antialias=True)
            self._item.addItem(curve)
            self._curves.append(curve)
        drawable = self.floor is not None and (not self.log_y or self.floor > 0)
        self._level.setVisible(drawable)
        if self.floor is not None and drawable:
            self._level.setPos(self._height(self.floor))

    def _tick_axes(self, *_: object) -> None:
        """Label logarithmic axes where labels have room."""
        (left, right), (low, high) = self._box.viewRange()
        named = [(math.log10(at), f"{at:,.0f}") for at in self._x_ticks]
        self._item.getAxis("bottom").setTicks([named or _ticks(left, right)])
        self._item.getAxis("left").setTicks([_ticks(low, high)] if self.log_y else None)

    def _recolour(self) -> None:
        self.view.setBackground(theme.current().surface)
        self._level.setPen(pg.mkPen(theme.current().good, width=1.4, style=Qt.PenStyle.DashLine))
        self.scatter.setData([])
        self._draw_lines()
        self._draw_dots()
        for side in ("bottom", "left"):
            axis = self._item.getAxis(side)
            axis.setPen(pg.mkPen(theme.current().border))
            axis.setTextPen(theme.current().muted)
            axis.setTickFont(theme.font(11, tabular=True))
        self._item.getAxis("left").setLabel(self._labels[1], color=theme.current().faint, **{"font-size": "11px"})
        self._item.showGrid(x=False, y=True, alpha=0.7)
        self._item.getAxis("left").setZValue(-1)  # the grid belongs behind the points


def _room(values: list[float], least: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    missing = max(least - (high - low), 0.0) / 2
    low, high = low - missing, high + missing
    margin = _MARGIN * (high - low)
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    return [(at, f"{10**at:.4g}") for at in log_ticks(low, high)]
