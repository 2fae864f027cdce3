"""A box to tick, with a label and a quieter word at its right."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from cfd_studio.gui import theme

_SIDE = 16


class Tick(QAbstractButton):
    """A check box that fills its row.

    Parameters
    ----------
    text : str
    trailing : str, optional
        Set at the right end, muted.
    """

    def __init__(self, text: str, trailing: str = "") -> None:
        super().__init__()
        self.setText(text)
        self._trailing = trailing
        self.setCheckable(True)
        self.setAccessibleName(f"{text} {trailing}".strip())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_trailing(self, text: str) -> None:
        """Change the word at the right."""
        if text != self._trailing:
            self._trailing = text
            self.setAccessibleName(f"{self.text()} {text}".strip())
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for box and texts."""
        metrics = QFontMetrics(theme.font())
        return QSize(_SIDE + 32 + metrics.horizontalAdvance(self.text() + self._trailing), 28)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw box, tick and texts."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        enabled, focus = self.isEnabled(), self.hasFocus()
        inset = 6.5 if self.text() else 0.5  # alone in a form, it begins where other editors do
        if self.underMouse() and enabled and self.text():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("raised"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        box = QRectF(inset, (self.height() - _SIDE) / 2 + 0.5, _SIDE - 1, _SIDE - 1)
        checked = self.isChecked() and enabled
        painter.setPen(QPen(theme.color("accent" if checked or focus else "faint" if enabled else "border"), 1.2))
        painter.setBrush(theme.color("accent" if checked else "surface"))
        painter.drawRoundedRect(box, 4, 4)
        if checked:
            painter.setPen(QPen(theme.color("on_accent"), 1.8, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
            corners = ((0.24, 0.52), (0.43, 0.71), (0.77, 0.31))
            at = [(box.left() + x * box.width(), box.top() + y * box.height()) for x, y in corners]
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in at]))
        painter.setFont(theme.font())
        painter.setPen(theme.color("text" if enabled else "faint"))
        area = self.rect().adjusted(_SIDE + 14, 0, -8, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        painter.setFont(theme.font(12, tabular=True))
        painter.setPen(theme.color("muted" if enabled else "faint"))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._trailing)
        painter.end()
