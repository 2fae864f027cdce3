"""One page of images, as large as they fit, one of which is chosen."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from cfd_studio.gui.widgets.cell import Cell, Tiles, draw_block
from cfd_studio.gui.widgets.lens import Lens

_LARGEST = 128
_MOVES = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip


class ImageWall(QWidget):
    """Paints a block of images and lets a person go from one to the other.

    Signals
    -------
    chosen(int)
        Another image was chosen.
    starred(int)
        The key S, or a double click.
    paged(int)
        The page before (-1) or after (1) is wanted.
    """

    chosen = Signal(int)
    starred = Signal(int)
    paged = Signal(int)

    def __init__(self, lens: Lens) -> None:
        super().__init__()
        self.cell = Cell()
        self.index = 0
        self._lens = lens
        lens.changed.connect(self.update)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 160)
        self.setAccessibleName("A page of images")
        self.setAccessibleDescription("Arrow keys choose, Page Up and Page Down turn the page, S stars")

    def sizeHint(self) -> QSize:
        """Ask for as much as there is."""
        return QSize(800, 400)

    def show_cell(self, cell: Cell) -> None:
        """Show a page."""
        if cell != self.cell:
            self.cell = cell
            self.index = min(self.index, max(cell.count - 1, 0))
            self.update()

    def choose(self, index: int) -> None:
        """Choose an image."""
        index = min(max(index, 0), self.cell.count - 1)
        if index != self.index:
            self.index = index
            self.chosen.emit(index)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the page."""
        if self.cell.image is None:
            return
        painter = QPainter(self)
        painter.setOpacity(0.45 if self.cell.state == "waiting" else 1.0)
        draw_block(painter, self.cell, self._tiles(), self._lens, self.index)
        painter.end()

    def _tiles(self) -> Tiles:
        count = max(self.cell.count, 1)
        fits = [(min(self.width() // wide, self.height() // -(-count // wide)), wide) for wide in range(1, count + 1)]
        side, wide = max(fits)
        side = min(side, _LARGEST)
        room = self.rect()
        room.setSize(QSize(side * wide, side * -(-count // wide)))
        room.moveLeft((self.width() - room.width()) // 2)
        return Tiles.fit(room, count, wide)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the image below the pointer."""
        index = self._tiles().at(event.position().toPoint())
        if index is not None:
            self.choose(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Star the image below the pointer."""
        index = self._tiles().at(event.position().toPoint())
        if index is not None:
            self.starred.emit(index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl."""
        if not self._lens.take_wheel(event, self._tiles().share(event.position())):
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from image to image, from page to page, star one, or use the lens."""
        key = Qt.Key(event.key())
        if key in _MOVES:
            down, right = _MOVES[key]
            self.choose(self.index + right + down * self._tiles().columns)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.paged.emit(-1 if key == Qt.Key.Key_PageUp else 1)
        elif key == Qt.Key.Key_S:
            self.starred.emit(self.index)
        elif not self._lens.take_key(event.key()):
            super().keyPressEvent(event)
