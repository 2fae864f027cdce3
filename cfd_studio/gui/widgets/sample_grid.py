"""A grid of samples under the hands of a person: clicks, drags, the wheel and the keys."""

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip

from cfd_studio.gui.widgets.cell import Cell
from cfd_studio.gui.widgets.grid_layout import GAP, HEAD, SIDE, Key
from cfd_studio.gui.widgets.grid_view import GridView
from cfd_studio.gui.widgets.lens import Lens

_SECOND = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
_MOVES = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip


class SampleGrid(GridView):
    """Lets cells be marked, images be picked, and all be seen closer.

    Signals
    -------
    enlarged(object, object)
        Row and column of a cell that was double-clicked, or chosen with Return.
    compare_wanted, starred
        The keys C and S.
    menu_wanted(object, object, QPoint)
        Row and column of a cell, and where on the screen.
    """

    enlarged = Signal(object, object)
    compare_wanted = Signal()
    starred = Signal()
    menu_wanted = Signal(object, object, QPoint)

    def __init__(self, lens: Lens) -> None:
        super().__init__(lens)
        self._pressed: QPointF | None = None
        self._dragged = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

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
            self.update_cells(self.hover, hover)
            self.hover = hover
            drawn = hover is not None and self.cells.get(hover, Cell()).image is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if drawn else Qt.CursorShape.ArrowCursor)

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
