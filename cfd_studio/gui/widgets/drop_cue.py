"""A veil over the window that says what a drop would do."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from cfd_studio.gui import theme

_WIDTH, _HEIGHT = 520, 120


class DropCue(QWidget):
    """Covers its parent while something is dragged over it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._covered = parent
        self.words = ""
        self._wrong = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Cover the window and say something."""
        self.words, self._wrong = words, wrong
        self.setAccessibleName(words)
        self.setGeometry(self._covered.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the veil, and the words in a frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.color("window", 200))
        width = min(_WIDTH, self.width() - 32)
        frame = QRectF((self.width() - width) / 2, (self.height() - _HEIGHT) / 2, width, _HEIGHT)
        tone = "bad" if self._wrong else "accent"
        painter.setPen(QPen(theme.color(tone), 1.8, Qt.PenStyle.DashLine))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(frame, 12, 12)
        painter.setPen(theme.color(tone if self._wrong else "text"))
        painter.setFont(theme.font(15, QFont.Weight.DemiBold))
        inside = frame.adjusted(24, 12, -24, -12)
        painter.drawText(inside, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), self.words)
        painter.end()
