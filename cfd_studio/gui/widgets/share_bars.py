"""Pairs of bars: how much of the whole falls to each thing, at the teacher's and at the student's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cfd_studio.gui import theme

FIRST, SECOND = "second", "accent"
_LABEL = 20
_SCALE = 18


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What is shown: a name and two shares in [0, 1] each, and what all others have together."""

    names: list[str]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    others: str = ""


NOTHING = Pairs([], np.empty(0), np.empty(0))


class ShareBars(QWidget):
    """Paints the pairs side by side.

    Parameters
    ----------
    name : str
        Of the whole, for whoever cannot see it.
    thing : str
        What a name names: ``feature``.
    first, second : str
        Whose shares these are.
    """

    def __init__(self, name: str, thing: str, first: str, second: str) -> None:
        super().__init__()
        self._thing = thing
        self._owners = first, second
        self.pairs = NOTHING
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 90)
        self.setAccessibleName(name)

    def show_pairs(self, pairs: Pairs) -> None:
        """Show other shares."""
        self.pairs = pairs
        self.setAccessibleDescription(self._told(0) if pairs.names else "")
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which bars can be told apart."""
        return QSize(480, 200)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the scale, the bars and as many names as fit."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.pairs.names:
            self._draw(painter)
        painter.end()

    def _draw(self, painter: QPainter) -> None:
        pairs = self.pairs
        top, base = _SCALE, self.height() - _LABEL
        largest = max(float(pairs.first.max()), float(pairs.second.max()), 1e-9)
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.color("muted"))
        above = QRectF(0, 0, self.width(), _SCALE - 2)
        painter.drawText(above, Qt.AlignmentFlag.AlignVCenter, f"{largest:.1%}")
        painter.drawText(above, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, pairs.others)
        painter.setPen(QPen(theme.color("border"), 1))
        for y in (top, base):
            painter.drawLine(0, y, self.width(), y)
        room = self._room()
        bar = max(room * 0.36, 1.0)
        every = -(-34 // max(int(room), 1))  # names that would touch are left out
        for index, name in enumerate(pairs.names):
            middle = (index + 0.5) * room
            painter.setPen(Qt.PenStyle.NoPen)
            for tone, value, left in (
                (FIRST, pairs.first[index], middle - bar - 0.5),
                (SECOND, pairs.second[index], middle + 0.5),
            ):
                height = (base - top) * float(value) / largest
                painter.setBrush(theme.color(tone))
                painter.drawRect(QRectF(left, base - height, bar, height))
            if index % every == 0:
                painter.setPen(theme.color("muted"))
                box = QRectF(middle - 40, base + 2, 80, _LABEL - 2)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)

    def _room(self) -> float:
        return min(self.width() / max(len(self.pairs.names), 1), 56.0)

    def _told(self, index: int) -> str:
        first, second = self.pairs.first[index], self.pairs.second[index]
        name = self.pairs.names[index]
        return f"{self._thing} {name}: {self._owners[0]} {first:.3%}, {self._owners[1]} {second:.3%}"

    def event(self, event: QEvent) -> bool:
        """Tell both shares of the pair below the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = int(event.pos().x() / self._room())
            QToolTip.showText(event.globalPos(), self._told(index) if index < len(self.pairs.names) else "", self)
            return True
        return super().event(event)
