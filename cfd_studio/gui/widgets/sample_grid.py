"""A grid of cells, each a block of small images with a caption, all seen through one lens."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolTip, QWidget

from cfd_studio.gui.widgets import grid_paint
from cfd_studio.gui.widgets.cell import Cell, Tiles
from cfd_studio.gui.widgets.grid_layout import GAP, HEAD, SIDE, GridLayout, Heading, Key
from cfd_studio.gui.widgets.lens import Lens

_SECOND = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
_MOVES = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip


class SampleGrid(QWidget):
    """Paints all cells itself: a hundred cells are no more than one widget.

    Attributes
    ----------
    marks : list of (row, column) or None
        The two cells that are to be compared.
    picked : int
        The image that is picked out in all cells.

    Signals
    -------
    enlarged(object, object)
        Row and column of a cell that was double-clicked, or chosen with Return.
    marked
        Other cells are to be compared, or another image was picked.
    compare_wanted, starred
        The keys C and S.
    menu_wanted(object, object, QPoint)
        Row and column of a cell, and where on the screen.
    """

    enlarged = Signal(object, object)
    marked = Signal()
    compare_wanted = Signal()
    starred = Signal()
    menu_wanted = Signal(object, object, QPoint)

    def __init__(self, lens: Lens) -> None:
        super().__init__()
        self.rows: list[Heading] = []
        self.columns: list[Heading] = []
        self.cells: dict[Key, Cell] = {}
        self.marks: list[Key | None] = [None, None]
        self.picked = 0
        self.alone = False
        self.lens = lens
        self.cursor_key: Key | None = None
        self.hover: Key | None = None
        self._room = QSize(800, 500)
        self._pressed: QPointF | None = None
        self._dragged = False
        self._pictured = False
        self.layout_ = GridLayout.fit(0, 0, 1, self._room)
        lens.changed.connect(self.update)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Samples: one row per model, one column per step count and sampler")

    def set_shape(self, rows: list[Heading], columns: list[Heading]) -> None:
        """Set the headings; cells whose row and column are still there stay."""
        if (rows, columns) == (self.rows, self.columns):
            return
        self.rows, self.columns = rows, columns
        wanted = {(row.key, column.key) for row in rows for column in columns}
        self.cells = {key: cell for key, cell in self.cells.items() if key in wanted}
        self.marks = [key if key in wanted else None for key in self.marks]
        self.cursor_key = self.cursor_key if self.cursor_key in wanted else None
        self.hover = None
        self._refit()
        self.marked.emit()

    def set_cell(self, key: Key, cell: Cell) -> None:
        """Replace one cell."""
        if self.cells.get(key) != cell:
            self.cells[key] = cell
            self._refit()
            self.update()

    def set_room(self, room: QSize) -> None:
        """Fit the grid into a viewport, as far as the images stay readable."""
        if room != self._room:
            self._room = room
            self._refit()

    def set_alone(self, alone: bool) -> None:
        """Show only the picked image of every cell, or all of them."""
        if alone != self.alone:
            self.alone = alone
            self._refit()
            self.update()

    def pick(self, index: int) -> None:
        """Pick out an image in all cells."""
        most = max((cell.count for cell in self.cells.values()), default=1) - 1
        index = min(max(index, 0), most)
        if index != self.picked:
            self.picked = index
            self.update()
            self.marked.emit()

    def mark(self, which: int, key: Key) -> None:
        """Choose the first (0) or the second (1) of the cells that are compared; no cell is both."""
        if key in self.cells and self.cells[key].state != "blank":
            self.marks[1 - which] = None if self.marks[1 - which] == key else self.marks[1 - which]
            self.marks[which] = key
            self.update()
            self.marked.emit()

    def keys_in_sight(self) -> set[Key]:
        """Return the cells that a person can see now."""
        seen = self.visibleRegion().boundingRect()
        return {key for key in self.places() if self.cell_rect(key).intersects(seen)}

    def cell_rect(self, key: Key) -> QRect:
        """Return where a cell is painted."""
        down = [row.key for row in self.rows].index(key[0])
        return self.layout_.rect(down, [column.key for column in self.columns].index(key[1]))

    def tiles(self, key: Key) -> Tiles:
        """Return where the images of a cell are painted."""
        room = self.layout_.images(self.cell_rect(key))
        only = self.picked if self.alone else None
        return Tiles.fit(room, self.cells.get(key, Cell()).count, self.layout_.wide, only)

    def sizeHint(self) -> QSize:
        """Return the room that all cells need."""
        return self.layout_.size()

    def places(self) -> list[Key]:
        """Return all cells, row by row."""
        return [(row.key, column.key) for row in self.rows for column in self.columns]

    def _refit(self) -> None:
        count = 1 if self.alone else max((cell.count for cell in self.cells.values()), default=8)
        self.layout_ = GridLayout.fit(len(self.rows), len(self.columns), count, self._room)
        if self.size() != self.sizeHint():
            self.setFixedSize(self.sizeHint())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw headings and the cells in view."""
        painter = QPainter(self)
        grid_paint.paint(painter, self, event.rect())
        painter.end()

    def picture(self) -> QImage:
        """Return the whole grid as a picture, wherever it is scrolled to."""
        self._pictured = True
        try:
            return self.grab().toImage()
        finally:
            self._pictured = False

    def origin(self) -> QPoint:
        """Return the corner of what is in sight, where the headings stay."""
        return QPoint() if self._pictured else self.visibleRegion().boundingRect().topLeft()

    def _at(self, point: QPoint) -> Key | None:
        inside = point - self.origin()
        if inside.x() < SIDE - GAP or inside.y() < HEAD - GAP:
            return None
        return next((key for key in self.places() if self.cell_rect(key).contains(point)), None)

    def event(self, event: QEvent) -> bool:
        """Show each cell's own tooltip, and that of each heading."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(event.pos()), self)
            return True
        return super().event(event)

    def _tip(self, point: QPoint) -> str:
        key = self._at(point)
        if key is not None:
            return self.cells.get(key, Cell()).tip
        origin = self.origin()
        heads = [(self.layout_.column_head(index, origin), one) for index, one in enumerate(self.columns)]
        heads += [(self.layout_.row_head(index, origin), one) for index, one in enumerate(self.rows)]
        return next((one.tip for rect, one in heads if rect.contains(point)), "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, or a drag below the lens."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragged = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the cell below the pointer, or drag what the lens shows."""
        hover = self._at(event.position().toPoint())
        if self._pressed is not None and self.lens.zoom > 1:
            moved = event.position() - self._pressed
            if self._dragged or moved.manhattanLength() > QApplication.startDragDistance():
                side = self.tiles(hover).side if hover is not None else self.layout_.cell.width()
                self._dragged, self._pressed = True, event.position()
                self.lens.drag(moved / side)
        elif hover != self.hover:
            self.hover = hover
            drawn = hover is not None and self.cells.get(hover, Cell()).image is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if drawn else Qt.CursorShape.ArrowCursor)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the clicked cell, and the clicked image in all cells."""
        pressed, self._pressed = self._pressed, None
        key = self._at(event.position().toPoint())
        if pressed is None or self._dragged or key is None:
            return
        self._move_to(key)
        index = self.tiles(key).at(event.position().toPoint())
        if index is not None:
            self.pick(index)
        self.mark(1 if event.modifiers() & _SECOND else 0, key)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge a cell."""
        self._enlarge(self._at(event.position().toPoint()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl; without it the grid scrolls."""
        key = self._at(event.position().toPoint())
        at = self.tiles(key).share(event.position()) if key is not None else None
        if not self.lens.take_wheel(event, at):
            super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a cell, by the mouse or by the menu key."""
        by_mouse = event.reason() == event.Reason.Mouse
        key = self._at(event.pos()) if by_mouse else self.cursor_key
        if key is None:
            return
        self._move_to(key)
        index = self.tiles(key).at(event.pos()) if by_mouse else None
        if index is not None:
            self.pick(index)
        place = event.globalPos() if by_mouse else self.mapToGlobal(self.cell_rect(key).center())
        self.menu_wanted.emit(*key, place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys (with Shift: from image to image); Return, 1, 2, C, S, and those of the lens."""
        key, shift = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in _MOVES and shift:
            down, right = _MOVES[key]
            self.pick(self.picked + right + down * self.layout_.wide)
        elif key in _MOVES and self.rows and self.columns:
            self._step(*_MOVES[key])
        elif key in (Qt.Key.Key_1, Qt.Key.Key_2) and self.cursor_key is not None:
            self.mark(0 if key == Qt.Key.Key_1 else 1, self.cursor_key)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enlarge(self.cursor_key)
        elif key == Qt.Key.Key_C:
            self.compare_wanted.emit()
        elif key == Qt.Key.Key_S:
            self.starred.emit()
        elif not self.lens.take_key(key):
            super().keyPressEvent(event)

    def _step(self, down: int, right: int) -> None:
        rows, columns = [row.key for row in self.rows], [column.key for column in self.columns]
        if self.cursor_key is None:
            self._move_to((rows[0], columns[0]))
            return
        row, column = rows.index(self.cursor_key[0]) + down, columns.index(self.cursor_key[1]) + right
        self._move_to((rows[min(max(row, 0), len(rows) - 1)], columns[min(max(column, 0), len(columns) - 1)]))

    def _move_to(self, key: Key) -> None:
        self.cursor_key = key
        self.setAccessibleDescription(self.cells.get(key, Cell()).tip)
        self.update()

    def _enlarge(self, key: Key | None) -> None:
        if key is not None and self.cells.get(key, Cell()).image is not None:
            self._move_to(key)
            self.enlarged.emit(*key)
