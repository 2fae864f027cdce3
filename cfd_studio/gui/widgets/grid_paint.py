"""How a grid of samples looks: headings, frames, images and what stands below them."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.cell import Cell, draw_block
from cfd_studio.gui.widgets.grid_layout import CAPTION, HEAD, PAD, SIDE, Heading, Key
from cfd_studio.gui.widgets.progress_line import paint_bar

if TYPE_CHECKING:
    from cfd_studio.gui.widgets.grid_view import GridView

_CENTRE = Qt.AlignmentFlag.AlignHCenter


def paint(painter: QPainter, grid: "GridView", area: QRect) -> None:
    """Draw what lies in an area of a grid."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if not grid.rows or not grid.columns:
        return
    for key in grid.places():
        if grid.cell_rect(key).intersects(area):
            _cell(painter, grid, key)
    # The headings stay in sight, above the cells that move below them.
    origin = grid.origin()
    painter.fillRect(QRect(origin.x(), origin.y(), grid.width(), HEAD - 6), theme.color("window"))
    for index, column in enumerate(grid.columns):
        _column_head(painter, grid.layout_.column_head(index, origin), column)
    painter.fillRect(QRect(origin.x(), origin.y(), SIDE - 6, grid.height()), theme.color("window"))
    painter.setClipRect(QRect(origin.x(), origin.y() + HEAD - 6, SIDE, grid.height()))
    for index, row in enumerate(grid.rows):
        _row_head(painter, grid.layout_.row_head(index, origin), row)


def _column_head(painter: QPainter, rect: QRect, heading: Heading) -> None:
    lower = rect.height() // 2 if heading.second else 0
    painter.setFont(theme.font(12, QFont.Weight.DemiBold, tabular=True))
    painter.setPen(theme.color("muted"))
    painter.drawText(rect.adjusted(0, 0, 0, -lower), Qt.AlignmentFlag.AlignCenter, heading.title)
    if heading.second:
        painter.setFont(theme.font(11))
        _elided(painter, rect.adjusted(0, lower, 0, 0), Qt.AlignmentFlag.AlignCenter, heading.second)


def _row_head(painter: QPainter, beside: QRect, heading: Heading) -> None:
    lines = [(heading.title, 13, "text"), (heading.second, 11, "muted"), (heading.third, 11, "muted")]
    lines = [line for line in lines if line[0]]
    top = beside.center().y() - 9 * len(lines)
    for index, (text, size, tone) in enumerate(lines):
        painter.setFont(theme.font(size, QFont.Weight.DemiBold if index == 0 else QFont.Weight.Normal))
        painter.setPen(theme.color(tone))
        _elided(
            painter, QRect(beside.left(), top + 18 * index, beside.width(), 18), Qt.AlignmentFlag.AlignVCenter, text
        )


def _cell(painter: QPainter, grid: "GridView", key: Key) -> None:
    cell, rect = grid.cells.get(key, Cell()), grid.cell_rect(key)
    if cell.state == "blank" or (cell.state == "idle" and cell.image is None):
        _nothing(painter, rect, cell)
        if grid.hasFocus() and grid.cursor_key == key:
            _frame(painter, rect, "faint", 1.0)
        return
    focused = grid.hasFocus() and grid.cursor_key == key
    edge = "accent" if cell.own else "faint" if key == grid.hover or focused else "border"
    _frame(painter, rect, edge, 1.8 if cell.own or focused else 1.0, fill="surface")
    room = grid.layout_.images(rect)
    if cell.image is not None:
        painter.setOpacity(0.45 if cell.state == "waiting" else 1.0)
        draw_block(painter, cell, grid.tiles(key), grid.lens, None if grid.alone else grid.picked)
        painter.setOpacity(1.0)
    elif cell.state == "failed":
        painter.setPen(theme.color("bad"))
        painter.setFont(theme.font(12))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, "Could not be drawn")
    if cell.state == "waiting":
        bar = QRectF(room.center().x() - 28, room.center().y() - 2, 56, 4)
        paint_bar(painter, bar, 0.0 if cell.image is None else 0.5, "faint")
    below = QRect(rect.left() + PAD, rect.bottom() - CAPTION - 1, rect.width() - 2 * PAD, CAPTION)
    painter.setFont(theme.font(11, QFont.Weight.Medium, tabular=True))
    painter.setPen(theme.color("text"))
    _elided(painter, below.adjusted(0, 0, 0, -CAPTION // 2), _CENTRE | Qt.AlignmentFlag.AlignBottom, cell.caption)
    painter.setFont(theme.font(11, tabular=True))
    painter.setPen(theme.color("muted"))
    lower = below.adjusted(0, CAPTION // 2, 0, 0)
    fits = QFontMetrics(painter.font()).horizontalAdvance(cell.note) <= lower.width()
    words = cell.note if fits else cell.note.partition(" · ")[0]  # the feature space is in the tooltip as well
    _elided(painter, lower, _CENTRE | Qt.AlignmentFlag.AlignTop, words)
    for index, letter in enumerate("AB"):
        if grid.marks[index] == key:
            _badge(painter, rect, letter)


def _nothing(painter: QPainter, rect: QRect, cell: Cell) -> None:
    """Say in a word why nothing is here; the tooltip has the sentence."""
    painter.setPen(theme.color("faint"))
    painter.setFont(theme.font(11))
    words = cell.note if cell.state == "blank" else "·"
    room = rect.adjusted(PAD, 0, -PAD, 0)
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)


def _frame(painter: QPainter, rect: QRect, tone: str, width: float, fill: str = "") -> None:
    painter.setPen(QPen(theme.color(tone), width))
    painter.setBrush(theme.color(fill) if fill else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 7, 7)


def _badge(painter: QPainter, rect: QRect, letter: str) -> None:
    place = QRectF(rect.left() - 4, rect.top() - 4, 20, 20)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent" if letter == "A" else "second"))
    painter.drawEllipse(place)
    painter.setPen(theme.color("on_accent"))
    painter.setFont(theme.font(11, QFont.Weight.Bold))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, letter)


def _elided(painter: QPainter, rect: QRect, place: Qt.AlignmentFlag, text: str) -> None:
    fitted = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, place, fitted)
