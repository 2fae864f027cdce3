"""One picture with the name of whoever drew it, in the tone that stands for them."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.film import Film

_CAPTION = 38


class Still(QWidget):
    """Shows the only picture of a film as large as it fits.

    Parameters
    ----------
    role : str
        What the model is in the comparison: ``Teacher``.
    tone : str
        Of the theme.
    """

    def __init__(self, role: str, tone: str) -> None:
        super().__init__()
        self._role = role
        self._tone = tone
        self._words = ""
        self._waiting = False
        self.film: Film | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setFixedWidth(128)
        self.setMinimumHeight(128 + _CAPTION)
        self.setAccessibleName(role)

    def show_words(self, words: str) -> None:
        """Say who draws; the picture stays until another comes."""
        self._words = words
        self.setToolTip(f"{self._role}: {words}")
        self.setAccessibleDescription(words)
        self.update()

    def show_picture(self, film: Film | None) -> None:
        """Show a picture, or none."""
        self.film, self._waiting = film, False
        self.update()

    def wait(self) -> None:
        """Let the picture pale until another one comes, or none."""
        self._waiting = True
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for picture and name."""
        return QSize(128, 128 + _CAPTION)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw picture, dot and name."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height() - _CAPTION)
        place = QRectF(0, 0, side, side)
        if self.film is not None:
            painter.setOpacity(0.45 if self._waiting else 1.0)
            self.film.draw(painter, place, 0)
            painter.setOpacity(1.0)
        else:
            painter.setPen(QPen(theme.color("border"), 1))
            painter.setBrush(theme.color("raised"))
            painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(self._tone))
        painter.drawEllipse(QRectF(0, side + 10, 8, 8))
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font(12, QFont.Weight.DemiBold))
        painter.drawText(QRectF(14, side + 4, side - 14, 20), Qt.AlignmentFlag.AlignVCenter, self._role)
        painter.setPen(theme.color("muted"))
        painter.setFont(theme.font(11, tabular=True))
        words = QFontMetrics(painter.font()).elidedText(self._words, Qt.TextElideMode.ElideRight, side)
        painter.drawText(QRectF(0, side + 22, side, 16), Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()
