"""How a run looks in a line or on a card: thumbnail, name, state, and how far or how good it is."""

import time

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPainterPath

from cfd_studio.gui import theme
from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.models.run_list import standing_words
from cfd_studio.gui.models.words import STATE_TONES, STATE_WORDS
from cfd_studio.gui.widgets.progress_line import paint_bar
from cfd_studio.runs.catalog import RunSummary

HEIGHT = 60
LINE = 17
_PICTURE = 44
_GAP = 10
_NOT_UNDER_WAY = frozenset({"gone", "away", "unreadable"})


def lines_of(area: QRect) -> tuple[QRect, QRect, QRect]:
    """Return where the three lines of a run stand, right of its thumbnail."""
    first = QRect(area.left() + _PICTURE + _GAP, area.top() + 2, area.width() - _PICTURE - _GAP, LINE)
    return first, first.translated(0, LINE + 2), first.translated(0, 2 * LINE + 4)


def paint_run(painter: QPainter, area: QRect, listed: ListedRun, *, third_line: bool = True) -> None:
    """Draw a run into an area of `HEIGHT`; its third line says how far it is, or how good."""
    run = listed.summary
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_picture(painter, QRectF(area.left(), area.top() + 7, _PICTURE, _PICTURE), listed)
    first, second, third = lines_of(area)
    painter.setFont(theme.font(13, QFont.Weight.DemiBold))
    painter.setPen(theme.color("text"))
    draw_line(painter, first, run.name)
    _paint_state(painter, second, run)
    if third_line:
        _paint_standing(painter, third, run)
    painter.restore()


def draw_line(painter: QPainter, line: QRect, text: str, side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft) -> None:
    """Draw one line of text, shortened where it must be."""
    shown = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, line.width())
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | side | Qt.TextFlag.TextSingleLine, shown)


def _paint_picture(painter: QPainter, area: QRectF, listed: ListedRun) -> None:
    shape = QPainterPath()
    shape.addRoundedRect(area, 5, 5)
    if listed.thumbnail is None:
        painter.fillPath(shape, theme.mixed("faint", "surface", 0.16))
        theme.icon("wave-square", "faint").paint(painter, area.toRect().adjusted(13, 13, -13, -13))
        return
    painter.save()
    painter.setClipPath(shape)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(area, listed.thumbnail)
    painter.restore()


def _paint_state(painter: QPainter, line: QRect, run: RunSummary) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(STATE_TONES[run.state]))
    painter.drawEllipse(QRectF(line.left(), line.center().y() - 2.5, 7, 7))
    painter.setFont(theme.font(12, tabular=True))
    painter.setPen(theme.color("muted"))
    draw_line(painter, line.adjusted(13, 0, 0, 0), STATE_WORDS[run.state])
    painter.setPen(theme.color("faint"))
    draw_line(painter, line, _age(run.changed), Qt.AlignmentFlag.AlignRight)


def _paint_standing(painter: QPainter, line: QRect, run: RunSummary) -> None:
    painter.setFont(theme.font(12, tabular=True))
    painter.setPen(theme.color("muted"))
    if run.state == "new":
        draw_line(painter, line, f"{run.stages} stage{'s' if run.stages != 1 else ''}")
    elif run.stages_done == run.stages or run.state in _NOT_UNDER_WAY:
        draw_line(painter, line, standing_words(run))
    else:
        draw_line(painter, line, f"{run.stages_done} of {run.stages}", Qt.AlignmentFlag.AlignRight)
        bar = QRectF(line.left(), line.center().y() - 1, line.width() - 56, 3)
        paint_bar(painter, bar, run.progress, STATE_TONES[run.state])


def _age(moment: float) -> str:
    if not moment:
        return ""
    then, now = time.localtime(moment), time.localtime()
    if then[:3] == now[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b" if then[0] == now[0] else "%b %Y", then)
