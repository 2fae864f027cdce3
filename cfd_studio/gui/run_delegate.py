"""A run as a row of the list: what is drawn, said and clicked in it."""

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cfd_studio.gui import theme
from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.models.run_list import LISTED
from cfd_studio.gui.run_painting import HEIGHT, LINE, lines_of, paint_run

_LEAST_TAG = 36
_ON_A_GROUND = QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver
Index = QModelIndex | QPersistentModelIndex


class RunDelegate(QStyledItemDelegate):
    """Paints a run and its tags; a lost one offers *Resume*.

    Signals
    -------
    resume_wanted(object)
        The path of a lost run, where its word *Resume* was clicked.
    """

    resume_wanted = Signal(object)

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return room for a run, and for tags where there are any."""
        listed = index.data(LISTED)
        tagged = isinstance(listed, ListedRun) and listed.summary.about.tags
        return QSize(200, HEIGHT + 12 + (LINE + 3 if tagged else 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one run."""
        listed = index.data(LISTED)
        if not isinstance(listed, ListedRun):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect
        _paint_ground(painter, rect, option.state)
        area = _area(rect)
        lost = listed.summary.state == "lost"
        paint_run(painter, area, listed, third_line=not lost)
        if lost:
            _paint_resume(painter, resume_area(rect))
        ground = "surface" if option.state & _ON_A_GROUND else "raised"
        _paint_tags(painter, lines_of(area)[2].translated(0, LINE + 4), listed.summary.about.tags, ground)
        painter.restore()

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        """Take a click on *Resume* for what it says, and not for a click on the row."""
        listed = index.data(LISTED)
        if isinstance(event, QMouseEvent) and isinstance(listed, ListedRun) and listed.summary.state == "lost":
            rect: QRect = option.rect
            if resume_area(rect).contains(event.position()):
                if event.type() == QEvent.Type.MouseButtonRelease:
                    self.resume_wanted.emit(listed.path)
                return True
        return super().editorEvent(event, model, option, index)


def resume_area(rect: QRect) -> QRectF:
    """Return where *Resume* stands in the row of a lost run."""
    line = lines_of(_area(rect))[2]
    return QRectF(line.left(), line.top() - 1, 64, LINE + 3)


def _area(rect: QRect) -> QRect:
    return QRect(rect.left() + 16, rect.top() + 6, rect.width() - 32, HEIGHT)


def _paint_ground(painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
    area = QRectF(rect).adjusted(8, 2, -8, -2)
    selected = bool(state & QStyle.StateFlag.State_Selected)
    if state & _ON_A_GROUND:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent_soft" if selected else "raised"))
        painter.drawRoundedRect(area, 6, 6)
    if selected and state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(theme.color("accent"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def _paint_resume(painter: QPainter, area: QRectF) -> None:
    painter.setPen(theme.color("accent"))
    painter.setBrush(theme.color("surface"))
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
    painter.setFont(theme.font(11, QFont.Weight.DemiBold))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "Resume")


def _paint_tags(painter: QPainter, line: QRect, tags: tuple[str, ...], ground: str) -> None:
    painter.setFont(theme.font(11))
    metrics, left = QFontMetrics(painter.font()), line.left()
    for tag in tags:
        room = line.right() + 1 - left
        if room < _LEAST_TAG:
            return
        shown = metrics.elidedText(tag, Qt.TextElideMode.ElideRight, room - 12)
        area = QRectF(left, line.top(), metrics.horizontalAdvance(shown) + 12, LINE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(area, 4, 4)
        painter.setPen(theme.color("muted"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, shown)
        left = round(area.right()) + 4
