"""A block of images, as large as it fits, seen through a lens."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.cell import Cell, Tiles, draw_block
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.lens import Lens


class _Picture(QWidget):
    def __init__(self, cell: Cell, lens: Lens) -> None:
        super().__init__()
        self._cell = cell
        self._lens = lens
        lens.changed.connect(self.update)
        self._columns = next(wide for wide in range(1, cell.count + 1) if wide * wide * 3 >= cell.count * 4)
        self._rows = -(-cell.count // self._columns)
        self.setMinimumSize(240, 160)

    def sizeHint(self) -> QSize:
        side = min(120, 720 // self._columns, 560 // self._rows)
        return QSize(side * self._columns, side * self._rows)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_block(painter, self._cell, self._tiles(), self._lens)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._lens.take_wheel(event, self._tiles().share(event.position())):
            super().wheelEvent(event)

    def _tiles(self) -> Tiles:
        return Tiles.fit(self.rect(), self._cell.count, self._columns)


class PictureDialog(QDialog):
    """Shows one cell; Escape or Return closes it."""

    def __init__(self, parent: QWidget, title: str, caption: str, cell: Cell, lens: Lens) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        assert cell.image is not None
        self.cell = cell
        close = Button("Close")
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        text = label(caption, "muted")
        text.setFont(theme.font(12, tabular=True))
        foot.addWidget(text, 1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 16)
        column.setSpacing(16)
        column.addWidget(label(title, "title"))
        column.addWidget(_Picture(cell, lens), 1)
        column.addLayout(foot)
