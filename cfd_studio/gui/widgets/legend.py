"""One entry of a legend that also reads out a value."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme


class LegendEntry(QWidget):
    """A coloured stroke, a name and the value at the pointer, or the newest one."""

    def __init__(self, name: str, tone: str, *, faint: bool = False) -> None:
        super().__init__()
        self._name = name
        self._tone = tone
        self._faint = faint
        self._value = ""
        self._name_width = QFontMetrics(theme.font(12)).horizontalAdvance(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def value(self) -> str:
        """Return what is read out."""
        return self._value

    def show_value(self, value: str) -> None:
        """Read out a value."""
        if value != self._value:
            self._value = value
            self.setAccessibleName(f"{self._name} {value}")
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for a value of usual length, so that the legend does not dance."""
        return QSize(22 + self._name_width + 70, 18)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw stroke, name and value."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(self._tone, "surface", 0.4) if self._faint else theme.color(self._tone))
        painter.drawRoundedRect(QRectF(0, self.height() / 2 - 1.5, 14, 3), 1.5, 1.5)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("muted"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect().adjusted(20, 0, 0, 0), middle, self._name)
        painter.setFont(theme.font(12, QFont.Weight.DemiBold, tabular=True))
        painter.setPen(theme.color("text"))
        painter.drawText(self.rect().adjusted(28 + self._name_width, 0, 0, 0), middle, self._value)
        painter.end()
