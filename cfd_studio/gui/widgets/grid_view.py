"""What a grid of samples shows: headings, cells, which of them are marked, and where all of it lies."""

from PySide6.QtCore import QPoint, QRect, QSize, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui.widgets import grid_paint
from cfd_studio.gui.widgets.cell import Cell, Tiles
from cfd_studio.gui.widgets.grid_layout import GridLayout, Heading, Key
from cfd_studio.gui.widgets.lens import Lens


class GridView(QWidget):
    """Paints all cells itself: a hundred cells are no more than one widget.

    Attributes
    ----------
    marks : list of (row, column) or None
        The two cells that are to be compared.
    picked : int
        The image that is picked out in all cells.
    alone : bool
        Whether only the picked image of every cell is shown.
    cursor_key, hover : (row, column) or None
        The cell that keys go to, and the one below the pointer.

    Signals
    -------
    marked
        Other cells are to be compared, or another image was picked.
    """

    marked = Signal()

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
        self._pictured = False
        self.layout_ = GridLayout.fit(0, 0, 1, self._room)
        lens.changed.connect(self.update)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Samples: one row per model, one column per step count and sampler")
        self.setAccessibleDescription("Arrow keys go from cell to cell, Return enlarges")

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
        self.update()
        self.marked.emit()

    def set_cell(self, key: Key, cell: Cell) -> None:
        """Replace one cell."""
        if self.cells.get(key) != cell:
            self.cells[key] = cell
            self._refit()
            self.update_cells(key)

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

    def update_cells(self, *keys: Key | None) -> None:
        """Paint some cells anew, and no others: a block of images is not painted for nothing."""
        places = set(self.places())
        for key in keys:
            if key in places:
                self.update(self.cell_rect(key).adjusted(-5, -5, 5, 5))  # with their badges

    def _refit(self) -> None:
        count = 1 if self.alone else max((cell.count for cell in self.cells.values()), default=8)
        layout = GridLayout.fit(len(self.rows), len(self.columns), count, self._room)
        if layout != self.layout_:
            self.layout_ = layout
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
