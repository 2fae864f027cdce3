"""A thin bar of progress."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme


def paint_bar(painter: QPainter, area: QRectF, fraction: float, tone: str) -> None:
    """Draw a rounded bar, filled up to ``fraction``."""
    painter.setPen(Qt.PenStyle.NoPen)
    radius = area.height() / 2
    painter.setBrush(theme.color("raised"))
    painter.drawRoundedRect(area, radius, radius)
    if fraction > 0:
        filled = QRectF(area)
        filled.setWidth(max(area.width() * min(fraction, 1.0), area.height()))
        painter.setBrush(theme.color(tone))
        painter.drawRoundedRect(filled, radius, radius)


class ProgressLine(QWidget):
    """The bar as a widget of its own."""

    def __init__(self, height: int = 6) -> None:
        super().__init__()
        self._fraction = 0.0
        self._tone = "accent"
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def fraction(self) -> float:
        """Return what is shown."""
        return self._fraction

    def show_fraction(self, fraction: float, tone: str = "accent") -> None:
        """Show progress in [0, 1]."""
        if (fraction, tone) != (self._fraction, self._tone):
            self._fraction, self._tone = fraction, tone
            self.setAccessibleName(f"{fraction:.0%} done")
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_bar(painter, QRectF(self.rect()), self._fraction, self._tone)
        painter.end()
