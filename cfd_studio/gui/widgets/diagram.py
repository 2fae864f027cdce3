"""The idea in one line: many small steps, then half as many, then one."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme

_ROWS = (16, 4, 1)
_WIDTH = 600


class DistillationDiagram(QWidget):
    """Three rows of arcs between noise and image: sixteen hops, four, one."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Sixteen steps, four steps, one step")

    def sizeHint(self) -> QSize:
        """Return the drawing's size."""
        return QSize(_WIDTH, 112)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the arcs, the fewer the stronger."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        base = self.height() - 14.0
        left, right = 8.0, _WIDTH - 8.0
        for hops in _ROWS:
            strength = {16: 0.35, 4: 0.6, 1: 1.0}[hops]
            painter.setPen(QPen(theme.mixed("accent", "window", strength), 1.6 + strength, c=Qt.PenCapStyle.RoundCap))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            hop = (right - left) / hops
            height = {16: 15.0, 4: 48.0, 1: 112.0}[hops]
            path = QPainterPath(QPointF(left, base))
            for index in range(hops):
                start = left + index * hop
                path.quadTo(QPointF(start + hop / 2, base - 1.6 * height), QPointF(start + hop, base))
            painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        for index in range(17):
            at = QPointF(left + index * (right - left) / 16, base)
            painter.setBrush(theme.color("accent" if index in (0, 16) else "faint"))
            size = 5.0 if index in (0, 16) else 2.0
            painter.drawEllipse(QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size))
        painter.end()
