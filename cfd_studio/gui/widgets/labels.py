"""Labels: a role from the style sheet, elided text, and a state chip."""

import html

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from cfd_studio.gui import theme


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label with a role of the style sheet."""
    result = QLabel(text)
    result.setProperty("role", role)
    result.setWordWrap(wrap)
    return result


def line() -> QFrame:
    """Return a thin horizontal line."""
    result = QFrame()
    result.setProperty("role", "line")
    result.setFixedHeight(1)
    return result


class ElidedLabel(QLabel):
    """One line that is shortened in the middle where room is scarce; the tooltip holds it whole."""

    def __init__(self, text: str = "", role: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__(text)
        self._whole = text
        self._mode = mode
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)  # names come from files, whatever they look like
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def set_whole(self, text: str) -> None:
        """Show a text."""
        if text != self._whole:
            self._whole = text
            self.setToolTip(html.escape(text))
            self.setAccessibleName(text)
            self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text into the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        shown = QFontMetrics(self.font()).elidedText(self._whole, self._mode, max(self.width() - 2, 0))
        if shown != self.text():
            self.setText(shown)


class Chip(QWidget):
    """A rounded label with a dot that says a state."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._tone = "muted"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Return what the chip says."""
        return self._text

    def show_state(self, text: str, tone: str) -> None:
        """Say a state in a tone of the theme."""
        if (text, tone) != (self._text, self._tone):
            self._text, self._tone = text, tone
            self.setAccessibleName(text)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for dot and text."""
        width = QFontMetrics(theme.font(12, QFont.Weight.Medium)).horizontalAdvance(self._text)
        return QSize(width + 32, 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the chip."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tone = theme.color(self._tone)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(self._tone, "surface", 0.14))
        painter.drawRoundedRect(QRectF(self.rect()), 12, 12)
        painter.setBrush(QColor(tone))
        painter.drawEllipse(QRectF(10, self.height() / 2 - 3.5, 7, 7))
        painter.setPen(tone)
        painter.setFont(theme.font(12, QFont.Weight.Medium))
        painter.drawText(self.rect().adjusted(23, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, self._text)
        painter.end()
