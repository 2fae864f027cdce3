"""A grid of cells, each a block of small images drawn sharply, with a caption."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.progress_line import paint_bar

HEAD = 36
SIDE = 116
GAP = 8
PAD = 7
CAPTION = 36
SCROLL_BAR = 12
LEAST_SIDE = 24  # pixels of an image below which nobody reads it
GOOD_SIDE = 28
LARGEST_SIDE = 72

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell.

    Attributes
    ----------
    state : str
        ``blank`` (cannot be), ``idle`` (not asked for yet), ``waiting``, ``done`` or ``failed``.
    image : QImage or None
        A block of images without gaps; it stays while a new one is drawn.
    columns, count : int
        Images per row of the block, and in all.
    """

    state: str = "idle"
    image: QImage | None = None
    columns: int = 4
    count: int = 8
    caption: str = ""
    note: str = ""
    own: bool = False
    tip: str = ""


def draw_block(painter: QPainter, room: QRect, cell: Cell, columns: int) -> None:
    """Draw a cell's images into the middle of a room, pixels sharp, so many per row, with a small gap between them."""
    assert cell.image is not None
    rows = -(-cell.count // columns)
    side = min(room.width() // columns, room.height() // rows)
    pixels = cell.image.width() / cell.columns
    left = room.left() + (room.width() - side * columns) // 2
    top = room.top() + (room.height() - side * rows) // 2
    gap = 2 if side < 100 else 4
    for index in range(cell.count):
        target = QRectF(left + index % columns * side, top + index // columns * side, side - gap, side - gap)
        source = QRectF(index % cell.columns * pixels, index // cell.columns * pixels, pixels, pixels)
        painter.drawImage(target, cell.image, source)


class SampleGrid(QWidget):
    """Paints all cells itself: a hundred cells are no more than one widget.

    Signals
    -------
    enlarged(str, str)
        Row and column of a cell that was clicked, or chosen with Return.
    """

    enlarged = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, str]] = []
        self._columns: list[tuple[str, str]] = []
        self.cells: dict[Key, Cell] = {}
        self._room = QSize(800, 500)
        self._cursor: Key | None = None
        self._hover: Key | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Samples: one row per model, one column per step count")

    def set_shape(self, rows: list[tuple[str, str]], columns: list[tuple[str, str]]) -> None:
        """Set the headings: (id, second line) of every row, (id, heading) of every column."""
        if (rows, columns) != (self._rows, self._columns):
            self._rows, self._columns = rows, columns
            wanted = {(row, column) for row, _ in rows for column, _ in columns}
            self.cells = {key: cell for key, cell in self.cells.items() if key in wanted}
            self._cursor = self._hover = None
            self._refit()

    def set_cell(self, row: str, column: str, cell: Cell) -> None:
        """Replace one cell."""
        if self.cells.get((row, column)) != cell:
            self.cells[row, column] = cell
            self._refit()
            self.update()

    def mark(self, row: str, column: str, state: str) -> None:
        """Change the state of a cell; what it shows stays."""
        self.set_cell(row, column, replace(self.cells.get((row, column), Cell()), state=state))

    def set_room(self, room: QSize) -> None:
        """Fit the grid into a viewport, as far as the images stay readable."""
        if room != self._room:
            self._room = room
            self._refit()

    def cell_rect(self, row: str, column: str) -> QRect:
        """Return where a cell is painted."""
        size = self._cell_size()
        across = [name for name, _ in self._columns].index(column)
        down = [name for name, _ in self._rows].index(row)
        return QRect(
            SIDE + across * (size.width() + GAP), HEAD + down * (size.height() + GAP), size.width(), size.height()
        )

    def sizeHint(self) -> QSize:
        """Return the room that all cells need."""
        size = self._cell_size()
        width = SIDE + max(len(self._columns) * (size.width() + GAP) - GAP, 0)
        return QSize(width, HEAD + len(self._rows) * (size.height() + GAP))

    def _refit(self) -> None:
        if self.size() != self.sizeHint():
            self.resize(self.sizeHint())
            self.setFixedSize(self.sizeHint())
        self.update()

    def _fit(self) -> tuple[int, int]:
        """Return images per row and pixels per image.

        As large as all cells fit into the room together; where that would be too small to read, as the width allows.
        """
        count = max((cell.count for cell in self.cells.values()), default=8)
        columns, rows = max(len(self._columns), 1), max(len(self._rows), 1)
        width = (self._room.width() - SIDE - SCROLL_BAR) // columns - GAP - 2 * PAD
        height = (self._room.height() - HEAD) // rows - GAP - 2 * PAD - CAPTION
        best = max((min(width // wide, height // -(-count // wide)), -wide) for wide in range(1, count + 1))
        if best[0] >= GOOD_SIDE:
            return -best[1], min(best[0], LARGEST_SIDE)
        width = max(width, 4 * LEAST_SIDE)
        down = -(-count // max(width // LEAST_SIDE, 1))
        wide = -(-count // down)
        return wide, max(LEAST_SIDE, min(width // wide, 40))

    def _cell_size(self) -> QSize:
        wide, side = self._fit()
        count = max((cell.count for cell in self.cells.values()), default=8)
        return QSize(max(wide * side + 2 * PAD, 112), -(-count // wide) * side + 2 * PAD + CAPTION)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw headings and the cells in view."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = event.rect()
        for name, heading in self._columns:
            if self._rows:
                rect = self.cell_rect(self._rows[0][0], name)
                painter.setFont(theme.font(12, QFont.Weight.DemiBold, tabular=True))
                painter.setPen(theme.color("muted"))
                painter.drawText(QRect(rect.left(), 0, rect.width(), HEAD - 6), Qt.AlignmentFlag.AlignCenter, heading)
        for name, second in self._rows:
            if self._columns:
                self._draw_row_head(painter, self.cell_rect(name, self._columns[0][0]), name, second)
            for column, _ in self._columns:
                rect = self.cell_rect(name, column)
                if rect.intersects(area):
                    self._draw_cell(painter, rect, (name, column))
        painter.end()

    def _draw_row_head(self, painter: QPainter, beside: QRect, name: str, second: str) -> None:
        middle = beside.center().y()
        painter.setFont(theme.font(13, QFont.Weight.DemiBold))
        painter.setPen(theme.color("text"))
        fitted = QFontMetrics(painter.font()).elidedText(name, Qt.TextElideMode.ElideRight, SIDE - 16)
        painter.drawText(QRect(0, middle - 20, SIDE - 12, 20), Qt.AlignmentFlag.AlignVCenter, fitted)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRect(0, middle, SIDE - 12, 18), Qt.AlignmentFlag.AlignVCenter, second)

    def _draw_cell(self, painter: QPainter, rect: QRect, key: Key) -> None:
        cell = self.cells.get(key, Cell())
        if cell.state == "blank" or (cell.state == "idle" and cell.image is None):
            painter.setPen(theme.mixed("faint", "window", 0.5))
            painter.setFont(theme.font(13))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, "–" if cell.state == "blank" else "·")
            return
        frame = QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5)
        focused = self.hasFocus() and self._cursor == key
        edge = "accent" if cell.own else "faint" if key == self._hover or focused else "border"
        painter.setPen(QPen(theme.color(edge), 1.8 if cell.own or focused else 1.0))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(frame, 7, 7)
        room = rect.adjusted(PAD, PAD, -PAD, -PAD - CAPTION)
        if cell.image is not None:
            painter.setOpacity(0.45 if cell.state == "waiting" else 1.0)
            draw_block(painter, room, cell, self._fit()[0])
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
        centre = Qt.AlignmentFlag.AlignHCenter
        painter.drawText(below.adjusted(0, 0, 0, -CAPTION // 2), centre | Qt.AlignmentFlag.AlignBottom, cell.caption)
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.color("muted"))
        painter.drawText(below.adjusted(0, CAPTION // 2, 0, 0), centre | Qt.AlignmentFlag.AlignTop, cell.note)

    def _at(self, point: QPoint) -> Key | None:
        for row, _ in self._rows:
            for column, _ in self._columns:
                if self.cell_rect(row, column).contains(point):
                    return row, column
        return None

    def event(self, event: QEvent) -> bool:
        """Show each cell's own tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            key = self._at(event.pos())
            QToolTip.showText(event.globalPos(), self.cells[key].tip if key in self.cells else "", self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the cell below the pointer."""
        hover = self._at(event.position().toPoint())
        if hover != self._hover:
            self._hover = hover
            drawn = hover is not None and self.cells.get(hover, Cell()).image is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if drawn else Qt.CursorShape.ArrowCursor)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Enlarge the clicked cell."""
        self._enlarge(self._at(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys, enlarge with Return."""
        rows, columns = [name for name, _ in self._rows], [name for name, _ in self._columns]
        moves = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if rows and columns and key in moves:
            row, column = self._cursor or (rows[0], columns[0])
            down, right = moves[key]
            row = rows[min(max(rows.index(row) + down, 0), len(rows) - 1)]
            column = columns[min(max(columns.index(column) + right, 0), len(columns) - 1)]
            self._cursor = (row, column)
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enlarge(self._cursor)
        else:
            super().keyPressEvent(event)

    def _enlarge(self, key: Key | None) -> None:
        if key is not None and self.cells.get(key, Cell()).image is not None:
            self._cursor = key
            self.enlarged.emit(*key)
