"""What happened at single steps: checkpoints, resumes, values that were lost, the end of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.curve_math import Array

_MOST = 300  # of a kind within the view; more would be a bar


@dataclass(frozen=True, slots=True)
class Marks:
    """Steps at which something happened.

    Attributes
    ----------
    saved : tuple of int
        Checkpoints.
    resumed : tuple of int
        Steps from which a later job went on.
    end : int
        The last step of the stage, 0 where it has none.
    """

    saved: tuple[int, ...] = ()
    resumed: tuple[int, ...] = ()
    end: int = 0


class ChartMarks:
    """Draws marks in a box: triangles and crosses at its foot, lines from top to bottom.

    Parameters
    ----------
    box : ViewBox
    """

    def __init__(self, box: Any) -> None:
        self._box = box
        self._marks = Marks()
        self._lost: Array = np.empty(0)
        self._lines: list[Any] = []
        self.saved: Any = pg.ScatterPlotItem(symbol="t1", size=8)
        self.lost: Any = pg.ScatterPlotItem(symbol="x", size=10)
        for item in (self.saved, self.lost):
            item.setZValue(4)
            box.addItem(item, ignoreBounds=True)
        self.recolour()

    def show(self, marks: Marks, lost: Array) -> None:
        """Take new marks; ``lost`` are steps whose value is not finite."""
        if (marks.resumed, marks.end) != (self._marks.resumed, self._marks.end):
            self._draw_lines(marks)
        self._marks, self._lost = marks, lost

    def place(self) -> None:
        """Put the symbols at the foot of what is in view."""
        (left, right), (low, high) = self._box.viewRange()
        foot = low + 0.035 * (high - low)
        for item, steps in ((self.saved, np.asarray(self._marks.saved, dtype=np.float64)), (self.lost, self._lost)):
            seen = steps[(steps >= left) & (steps <= right)]
            seen = seen[:: len(seen) // _MOST + 1]
            item.setData(x=seen, y=np.full(len(seen), foot))

    def near(self, step: float, reach: float) -> list[str]:
        """Return what happened within ``reach`` steps, in words."""
        kinds = {
            "checkpoint": self._marks.saved,
            "resumed": self._marks.resumed,
            "end of training": (self._marks.end,) if self._marks.end else (),
            "not finite": self._lost,
        }
        return [words for words, steps in kinds.items() if _within(np.asarray(steps), step, reach)]

    def recolour(self) -> None:
        """Take the colours of the current theme."""
        self.saved.setBrush(pg.mkBrush(theme.current().good))
        self.saved.setPen(None)
        self.lost.setPen(pg.mkPen(theme.current().bad, width=2))
        self._draw_lines(self._marks)

    def _draw_lines(self, marks: Marks) -> None:
        for line in self._lines:
            self._box.removeItem(line)
        self._lines = []
        for step, tone, style in (
            *((step, "warning", Qt.PenStyle.DotLine) for step in marks.resumed[-_MOST:]),
            *([(marks.end, "border", Qt.PenStyle.SolidLine)] if marks.end else []),
        ):
            line = pg.InfiniteLine(pos=step, angle=90, pen=pg.mkPen(theme.current().as_dict()[tone], style=style))
            line.setZValue(-1)
            self._box.addItem(line, ignoreBounds=True)
            self._lines.append(line)


def _within(steps: Array, step: float, reach: float) -> bool:
    return bool(len(steps) and np.abs(steps - step).min() <= reach)
