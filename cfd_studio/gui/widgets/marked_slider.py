"""A slider with a mark at the value that things were made with."""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSlider, QStyle

from cfd_studio.gui import theme

_HANDLE = 14


class MarkedSlider(QSlider):
    """Horizontal; a passing wheel does not move it."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._mark: int | None = None
        self.setMinimumHeight(30)

    def set_mark(self, value: int | None) -> None:
        """Mark a value."""
        self._mark = value
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the slider, and a short line below the marked value."""
        super().paintEvent(event)
        if self._mark is None:
            return
        room = self.width() - _HANDLE
        x = QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), self._mark, room) + _HANDLE / 2
        painter = QPainter(self)
        painter.setPen(QPen(theme.color("text"), 2))
        middle = self.height() / 2
        painter.drawLine(QPointF(x, middle + 9), QPointF(x, middle + 14))
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to whatever scrolls around the slider."""
        event.ignore()
