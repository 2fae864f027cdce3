"""A chart of any number of lines over optimizer steps, read under a crosshair."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.chart_axes import ChartAxes
from cfd_studio.gui.widgets.chart_box import ChartBox
from cfd_studio.gui.widgets.chart_line import ChartLine, LineData, Reading
from cfd_studio.gui.widgets.chart_marks import ChartMarks, Marks
from cfd_studio.gui.widgets.chart_range import ChartRange
from cfd_studio.gui.widgets.curve_math import NOTHING
from cfd_studio.gui.widgets.line_colours import ColourBook

_REACH_PIXELS = 5.0  # within which a mark is pointed at


class Chart(QWidget):
    """Shows lines; the range follows them until the person takes it.

    Signals
    -------
    pointed(object)
        The step under the pointer, or None once it has left.
    range_taken
        The person zoomed or moved; the range stays until `follow_range`.
    whole_wanted
        The person asked for the whole range, and has it.
    """

    pointed = Signal(object)
    range_taken = Signal()
    whole_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, ChartLine] = {}
        self.numbers: dict[str, int] = {}
        self.hidden: frozenset[str] = frozenset()
        self.log = True
        self._colours = ColourBook()
        self._total = 1.0
        self._smoothing = 0.6
        self._robust = True
        self._fitting = False
        self._at: float | None = None
        self.box: Any = ChartBox()
        self.view: Any = pg.PlotWidget(viewBox=self.box)
        self._item: Any = self.view.getPlotItem()
        self._item.hideButtons()
        self.marks = ChartMarks(self.box)
        self._cross, self._needle = _upright(Qt.PenStyle.DashLine), _upright(Qt.PenStyle.SolidLine)
        for item in (self._cross, self._needle):
            self.box.addItem(item, ignoreBounds=True)
        self.axes = ChartAxes(self._item)
        self.range = ChartRange(self.box)
        self.box.sigRangeChanged.connect(self._range_changed)
        self.box.whole_wanted.connect(self._give_back)
        self.view.scene().sigMouseMoved.connect(self._moved)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self.setAccessibleName("Chart")
        self.setAccessibleDescription("Left and Right read along the curves, plus and minus zoom, Home shows all")
        self.setMinimumHeight(120)
        self._recolour()

    def show_lines(
        self, lines: Sequence[LineData], total_steps: int, marks: Marks, expected: Sequence[str] = ()
    ) -> None:
        """Draw lines; those that were there before are told by their keys.

        ``expected`` are the keys in the order in which they take colours, where some have no line yet.
        """
        for key in self.lines.keys() - {line.key for line in lines}:
            self.lines.pop(key).remove()
        self.numbers = self._colours.assign(expected or [line.key for line in lines])
        for line in lines:
            if line.key not in self.lines:
                self.lines[line.key] = ChartLine(self.box)
            self.lines[line.key].show(line, self.numbers[line.key])
        self._total = float(total_steps)
        lost = [line.lost for key, line in self._seen()]
        self.marks.show(marks, np.unique(np.concatenate(lost)) if lost else NOTHING)
        self._draw()

    def set_scale(self, *, log: bool, robust: bool) -> None:
        """Choose the axis, and whether single spikes may stick out of it."""
        if (log, robust) != (self.log, self._robust):
            self.range.following |= log != self.log  # a range of the other axis makes no sense
            self.log, self._robust = log, robust
            self._draw()

    def set_smoothing(self, share: float) -> None:
        """Choose how much noisy lines are smoothed, in [0, 1], whatever the number of points."""
        self._smoothing = share
        self._draw()

    def set_newest(self, steps: float) -> None:
        """Follow the last so many steps, or a share of all where below 1; 0 is all of them."""
        self.range.newest = steps
        self.follow_range()

    def set_hidden(self, keys: frozenset[str]) -> None:
        """Leave lines out of sight."""
        self.hidden = keys
        self._draw()

    def follow_range(self) -> None:
        """Let the range follow the lines again."""
        self.range.following = True
        self._draw()

    def point_at(self, step: float | None) -> None:
        """Put the crosshair at a step."""
        self._at = step
        self._cross.setVisible(step is not None)
        if step is not None:
            self._cross.setPos(step)

    def put_needle(self, step: float | None) -> None:
        """Mark a step that is shown elsewhere."""
        self._needle.setVisible(step is not None)
        if step is not None:
            self._needle.setPos(step)

    def readings(self) -> dict[str, Reading | None]:
        """Return every line at the crosshair, or at its end where there is none."""
        at = self._at
        return {key: line.newest() if at is None else line.read(at) for key, line in self.lines.items()}

    def happened(self) -> list[str]:
        """Return what happened at the crosshair, in words."""
        return [] if self._at is None else self.marks.near(self._at, self.box.viewPixelSize()[0] * _REACH_PIXELS)

    def changeEvent(self, event: QEvent) -> None:
        """Recolour: pyqtgraph ignores the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._recolour()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the crosshair away with the pointer."""
        super().leaveEvent(event)
        self._point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Read, zoom and show all by keys."""
        left, right = self.range.steps
        keys = {
            Qt.Key.Key_Left: lambda: self._read_along(-0.01 * (right - left)),
            Qt.Key.Key_Right: lambda: self._read_along(0.01 * (right - left)),
            Qt.Key.Key_Plus: lambda: self._zoom(0.8),
            Qt.Key.Key_Minus: lambda: self._zoom(1.25),
            Qt.Key.Key_Home: self._give_back,
        }
        action = keys.get(Qt.Key(event.key()))
        if action is None:
            super().keyPressEvent(event)
        else:
            action()

    def _seen(self) -> list[tuple[str, ChartLine]]:
        return [(key, line) for key, line in self.lines.items() if key not in self.hidden]

    def _draw(self) -> None:
        self._fitting = True
        last = max((float(line.steps[-1]) for _, line in self._seen() if len(line.steps)), default=0.0)
        self.range.follow_steps(last, self._total)
        low, high = self.range.steps
        placed = []
        for key, line in self.lines.items():
            if key in self.hidden:
                line.set_visible(False)
                continue
            line.set_visible(True)
            placed.append(line.draw(low, high, log=self.log, smoothing=self._smoothing))
        if placed:
            self.range.follow_values(np.concatenate(placed), log=self.log, robust=self._robust)
        self._fitting = False
        self.marks.place()
        self.axes.label_values(*self.box.viewRange()[1], log=self.log)

    def _range_changed(self, *_: object) -> None:
        if not self._fitting:  # then it was the person
            self._taken()
            self._draw()

    def _taken(self, *_: object) -> None:
        self.range.following = False
        self.range_taken.emit()

    def _give_back(self) -> None:
        self.follow_range()
        self.whole_wanted.emit()

    def _zoom(self, share: float) -> None:
        left, right = self.range.steps
        at = self._at if self._at is not None and left <= self._at <= right else (left + right) / 2
        self.range.zoom(share, at)

    def _read_along(self, by: float) -> None:
        left, right = self.range.steps
        start = self._at if self._at is not None else (left + right) / 2
        self._point(min(max(start + by, left), right))

    def _moved(self, position: QPointF) -> None:
        inside = self.lines and self.box.sceneBoundingRect().contains(position)
        self._point(float(self.box.mapSceneToView(position).x()) if inside else None)

    def _point(self, step: float | None) -> None:
        """Snap to the nearest point of the line that has one nearest, and tell."""
        if step is not None:
            step = self._nearest(step)
        if step != self._at:
            self.point_at(step)
            self.pointed.emit(step)

    def _nearest(self, step: float) -> float | None:
        found = [reading.step for _, line in self._seen() if (reading := line.read(step)) is not None]
        return min(found, key=lambda one: abs(one - step), default=None)

    def _recolour(self) -> None:
        self.view.setBackground(theme.current().surface)
        for line in self.lines.values():
            line.recolour()
        self.marks.recolour()
        self._cross.setPen(pg.mkPen(theme.current().faint, width=1, style=Qt.PenStyle.DashLine))
        self._needle.setPen(pg.mkPen(theme.current().muted, width=1))
        self.axes.recolour()


def _upright(style: Qt.PenStyle) -> Any:
    line = pg.InfiniteLine(angle=90, movable=False, pen=pg.mkPen(style=style))
    line.hide()
    return line
