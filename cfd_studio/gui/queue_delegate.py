"""How one entry looks in the queue."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cfd_studio.gui import theme
from cfd_studio.gui.models.queue_list import ROW, QueueRow
from cfd_studio.gui.widgets.progress_line import paint_bar

_HEIGHT = 72
_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_RIGHT = _MIDDLE | Qt.AlignmentFlag.AlignRight
_PLACE_WIDTH = 44
_STATE_WIDTH = 190


class QueueDelegate(QStyledItemDelegate):
    """Paints place, name, machine, state, sentence, and the progress of what is running."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return one height for all."""
        return QSize(320, _HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one entry."""
        row = index.data(ROW)
        if not isinstance(row, QueueRow):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(rect).adjusted(8, 3, -8, -3)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if selected else "raised"))
            painter.drawRoundedRect(area, 6, 6)
        top = rect.top()
        painter.setFont(theme.font(15, tabular=True))
        painter.setPen(theme.color("faint"))
        painter.drawText(
            QRect(rect.left() + 8, top, _PLACE_WIDTH, _HEIGHT), Qt.AlignmentFlag.AlignCenter, str(row.place)
        )
        left = rect.left() + 8 + _PLACE_WIDTH
        inner = QRect(left, top, rect.right() - 20 - left, _HEIGHT)
        self._paint_words(painter, row, inner, selected=selected)
        self._paint_state(painter, row, QRect(inner.right() - _STATE_WIDTH, top, _STATE_WIDTH, _HEIGHT))
        if row.fraction is not None:
            bar = QRectF(inner.left(), top + _HEIGHT - 13, inner.width(), 3)
            paint_bar(painter, bar, row.fraction, row.tone)
        painter.restore()

    @staticmethod
    def _paint_words(painter: QPainter, row: QueueRow, area: QRect, *, selected: bool) -> None:
        painter.setFont(theme.font(13, QFont.Weight.DemiBold if selected else QFont.Weight.Medium))
        painter.setPen(theme.color("text"))
        _line(painter, QRect(area.left(), area.top() + 11, area.width() - _STATE_WIDTH - 16, 18), row.entry.name)
        painter.setFont(theme.font(12, tabular=True))
        painter.setPen(theme.color("muted"))
        second = QRect(area.left(), area.top() + 33, area.width() - _STATE_WIDTH - 16, 18)
        _line(painter, second, " · ".join(part for part in (row.machine, row.sentence) if part))

    @staticmethod
    def _paint_state(painter: QPainter, row: QueueRow, area: QRect) -> None:
        painter.setFont(theme.font(12, QFont.Weight.Medium, tabular=True))
        painter.setPen(theme.color(row.tone))
        first = QRect(area.left(), area.top() + 11, area.width(), 18)
        painter.drawText(first, _RIGHT, row.state)
        width = QFontMetrics(painter.font()).horizontalAdvance(row.state)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(row.tone))
        painter.drawEllipse(QRectF(area.right() - width - 14, area.top() + 16.5, 7, 7))
        painter.setFont(theme.font(12, tabular=True))
        painter.setPen(theme.color("muted"))
        progress = "" if row.fraction is None else f"{row.fraction:.0%}"
        words = " · ".join(part for part in (progress, row.left) if part)
        painter.drawText(QRect(area.left(), area.top() + 33, area.width(), 18), _RIGHT, words)


def _line(painter: QPainter, area: QRect, text: str) -> None:
    shown = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, _MIDDLE, shown)
