"""A card that shows one thing on its way: name, kind, state, thumbnails and one figure."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.progress_line import paint_bar

CARD_HEIGHT = 104
CARD_WIDTH = 116
_PAD = 10


@dataclass(frozen=True, slots=True)
class CardContent:
    """What a card shows.

    Attributes
    ----------
    mark : str
        ``waiting``, ``busy``, ``held``, ``done`` or ``failed``.
    thumbnails : QImage or None
        A row of square images with a gap of one pixel.
    big : str
        Set large where there are no thumbnails.
    """

    title: str
    kind: str
    mark: str = "waiting"
    note: str = ""
    fraction: float = 0.0
    thumbnails: QImage | None = None
    big: str = ""
    tip: str = ""


class StageCard(QAbstractButton):
    """Draws a `CardContent`; a click selects it."""

    def __init__(self, content: CardContent) -> None:
        super().__init__()
        self.content = content
        self.setCheckable(True)
        self.setAutoExclusive(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._tell()

    def show_content(self, content: CardContent) -> None:
        """Show something else; nothing is drawn where nothing changed."""
        if content != self.content:
            self.content = content
            self._tell()
            self.update()

    def sizeHint(self) -> QSize:
        """Return the smallest size that holds everything."""
        return QSize(CARD_WIDTH, CARD_HEIGHT)

    def _tell(self) -> None:
        shown = self.content
        self.setAccessibleName(", ".join(part for part in (shown.title, shown.kind, shown.mark, shown.note) if part))
        self.setToolTip(shown.tip)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card."""
        shown = self.content
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        selected, focus = self.isChecked(), self.hasFocus()
        border = "accent" if selected else "faint" if focus or self.underMouse() else "border"
        painter.setPen(QPen(theme.color(border), 1.6 if selected else 1.0))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(frame, 8, 8)

        left, width = frame.left() + _PAD, frame.width() - 2 * _PAD
        self._draw_mark(painter, QRectF(left, frame.top() + 12, 12, 12))
        painter.setFont(theme.font(13, QFont.Weight.DemiBold))
        painter.setPen(theme.color("faint" if shown.mark == "waiting" else "text"))
        self._text(painter, QRectF(left + 18, frame.top() + 8, width - 18, 20), shown.title)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("faint" if shown.mark == "waiting" else "muted"))
        self._text(painter, QRectF(left, frame.top() + 29, width, 16), shown.kind)
        middle = QRectF(left, frame.top() + 49, width, 24)
        if shown.thumbnails is not None:
            self._draw_thumbnails(painter, middle, shown.thumbnails)
        elif shown.big:
            painter.setFont(theme.font(18, QFont.Weight.DemiBold, tabular=True))
            painter.setPen(theme.color("text"))
            self._text(painter, middle, shown.big)
        elif shown.mark in ("busy", "held"):
            paint_bar(painter, QRectF(left, middle.center().y(), width, 4), shown.fraction, _tone(shown.mark))
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.color({"busy": "accent", "waiting": "faint", "failed": "bad"}.get(shown.mark, "muted")))
        self._text(painter, QRectF(left, frame.bottom() - 24, width, 16), shown.note)
        painter.end()

    def _draw_mark(self, painter: QPainter, area: QRectF) -> None:
        mark = self.content.mark
        tone = theme.color(_tone(mark))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(tone, 1.6))
        if mark == "done":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tone)
            painter.drawEllipse(area)
            painter.setPen(QPen(theme.color("surface"), 1.6, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
            points = ((0.27, 0.53), (0.43, 0.69), (0.73, 0.35))
            at = [QPointF(area.left() + x * area.width(), area.top() + y * area.height()) for x, y in points]
            painter.drawPolyline(QPolygonF(at))
        elif mark in ("busy", "held"):
            ring = area.adjusted(1, 1, -1, -1)
            painter.setPen(QPen(theme.mixed(_tone(mark), "surface", 0.3), 2))
            painter.drawEllipse(ring)
            painter.setPen(QPen(tone, 2))
            painter.drawArc(ring, 90 * 16, round(-360 * 16 * max(self.content.fraction, 0.04)))
        else:
            painter.drawEllipse(area.adjusted(1, 1, -1, -1))

    def _draw_thumbnails(self, painter: QPainter, area: QRectF, strip: QImage) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, strip.height() > area.height())
        side, gap = round(area.height()), 2
        count = (strip.width() + 1) // (strip.height() + 1)
        fitting = min(count, int((area.width() + gap) // (side + gap)))
        for index in range(fitting):
            source = QRectF(index * (strip.height() + 1), 0, strip.height(), strip.height())
            painter.drawImage(
                QRectF(round(area.left()) + index * (side + gap), round(area.top()), side, side), strip, source
            )

    @staticmethod
    def _text(painter: QPainter, area: QRectF, text: str) -> None:
        fitted = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, int(area.width()))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, fitted)


def _tone(mark: str) -> str:
    return {"busy": "accent", "held": "warning", "done": "good", "failed": "bad"}.get(mark, "faint")
