"""What the colours of a heat map mean."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme

_WORDS = 64


class ScaleBar(QWidget):
    """A bar of colours with the values of its ends.

    Parameters
    ----------
    colours : sequence of (red, green, blue)
        From 0 to the largest value.
    """

    def __init__(self, colours: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self._colours = colours
        self._largest = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_largest(self, words: str) -> None:
        """Say what the lightest colour stands for."""
        self._largest = words
        self.setAccessibleName(f"Scale of the difference: from 0 to {words}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for the bar and the words at its ends."""
        return QSize(280, 20)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bar and words."""
        painter = QPainter(self)
        bar = QRectF(18, 5, self.width() - 18 - _WORDS, 10)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for place in range(0, len(self._colours), 15):
            gradient.setColorAt(place / (len(self._colours) - 1), QColor(*self._colours[place]))
        painter.fillRect(bar, gradient)
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(0, 0, 14, 20), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, "0")
        end = QRectF(bar.right() + 6, 0, _WORDS - 6, 20)
        painter.drawText(end, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._largest)
        painter.end()
