"""How one run looks in the list."""

import time

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cfd_studio.gui import theme
from cfd_studio.gui.models.run_list import SUMMARY
from cfd_studio.gui.models.words import STATE_TONES, STATE_WORDS
from cfd_studio.gui.widgets.progress_line import paint_bar
from cfd_studio.runs.catalog import RunSummary


class RunDelegate(QStyledItemDelegate):
    """Paints name, state, age and progress."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return one height for all."""
        return QSize(200, 64)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one run."""
        run = index.data(SUMMARY)
        if not isinstance(run, RunSummary):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(rect).adjusted(8, 2, -8, -2)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if selected else "raised"))
            painter.drawRoundedRect(area, 6, 6)
        left, width = round(area.left()) + 10, round(area.width()) - 20
        painter.setFont(theme.font(13, QFont.Weight.DemiBold if selected else QFont.Weight.Medium))
        painter.setPen(theme.color("text"))
        name = QFontMetrics(painter.font()).elidedText(run.name, Qt.TextElideMode.ElideRight, width)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(left, rect.top() + 9, width, 18), middle, name)
        tone = STATE_TONES.get(run.state, "muted")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(tone))
        painter.drawEllipse(QRectF(left, rect.top() + 34.5, 7, 7))
        painter.setFont(theme.font(12, tabular=True))
        painter.setPen(theme.color("muted"))
        line = QRect(left + 14, rect.top() + 29, width - 14, 18)
        painter.drawText(line, middle, STATE_WORDS.get(run.state, run.state))
        painter.setPen(theme.color("faint"))
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, _age(run.changed))
        if run.stages and run.stages_done < run.stages:
            paint_bar(painter, QRectF(left, rect.top() + 52, width, 3), run.stages_done / run.stages, tone)
        painter.restore()


def _age(moment: float) -> str:
    if not moment:
        return ""
    then, now = time.localtime(moment), time.localtime()
    if then[:3] == now[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b" if then[0] == now[0] else "%d %b %Y", then)
