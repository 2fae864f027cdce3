"""Push buttons with an icon that follows the theme."""

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QPushButton, QSizePolicy, QWidget

from cfd_studio.gui import theme

_AROUND = 28  # the padding and the border of a button, as the style sheet has them
_RECOLOUR = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)


class Button(QPushButton):
    """A push button.

    Parameters
    ----------
    text : str
    icon : str, optional
        Font Awesome name.
    role : str, optional
        ``primary``, ``ghost``, ``toggle``, ``big`` or nothing.
    tip : str, optional
        Tooltip; also the accessible name of a button without text.
    """

    def __init__(self, text: str = "", *, icon: str = "", role: str = "", tip: str = "") -> None:
        super().__init__(text)
        self._icon_name = icon
        self._drawn: tuple[str, str] | None = None
        self.setProperty("role", role)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(tip)
        self.setAccessibleName(text or tip)
        self.setIconSize(QSize(20 if text else 14, 14))  # the rest is the gap before the text
        if role == "toggle":
            self.setCheckable(True)
        self._draw_icon()

    def set_icon_name(self, name: str) -> None:
        """Show another icon."""
        if name != self._icon_name:
            self._icon_name = name
            self._draw_icon()

    def changeEvent(self, event: QEvent) -> None:
        """Redraw the icon in the new theme's colour."""
        super().changeEvent(event)
        if event.type() in _RECOLOUR:
            self._draw_icon()

    def _draw_icon(self) -> None:
        if not self._icon_name:
            return
        tone = "on_accent" if self.property("role") in ("primary", "big") else "muted"
        wanted = (self._icon_name, getattr(theme.current(), tone))
        if wanted != self._drawn:
            self._drawn = wanted
            self.setIcon(theme.icon(self._icon_name, tone))


class ElidedButton(Button):
    """A button as wide as its place, whose text is shortened at its end where room is scarce."""

    def __init__(self, *, tip: str = "") -> None:
        super().__init__(role="left", tip=tip)
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_whole(self, text: str) -> None:
        """Show a text."""
        self._whole = text
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text into the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = max(self.width() - _AROUND, 0)
        self.setText(QFontMetrics(self.font()).elidedText(self._whole, Qt.TextElideMode.ElideRight, room))


class QuietComboBox(QComboBox):
    """A combo box that a passing wheel does not change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, and an arrow in the colour of the theme."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("muted"), 1.6, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
        x, y = self.width() - 16.0, self.height() / 2
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)]))
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to whatever scrolls around the box."""
        event.ignore()
