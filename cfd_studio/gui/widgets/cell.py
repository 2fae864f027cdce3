"""A cell of samples: a block of small images without gaps, and how it is drawn into any room."""

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen, QPolygonF

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.lens import Lens

_STARRED = 20  # pixels of an image on which a star can be told from a speck
_STAR = ((0, -1), (0.29, -0.4), (0.95, -0.31), (0.48, 0.15), (0.59, 0.81), (0, 0.5), (-0.59, 0.81), (-0.48, 0.15),
         (-0.95, -0.31), (-0.29, -0.4))  # fmt: skip


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
    stars : frozenset of int
        The images that are favourites.
    """

    state: str = "idle"
    image: QImage | None = None
    columns: int = 4
    count: int = 8
    caption: str = ""
    note: str = ""
    own: bool = False
    tip: str = ""
    stars: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Tiles:
    """Where the images of a block lie in a room: so many per row, as large as they fit, or only one of them."""

    left: int
    top: int
    side: int
    columns: int
    shown: range

    @classmethod
    def fit(cls, room: QRect, count: int, columns: int, only: int | None = None) -> "Tiles":
        """Return the places in the middle of a room."""
        shown = range(count)
        if only is not None and count:
            index = min(only, count - 1)
            shown, columns = range(index, index + 1), 1
        rows = max(-(-len(shown) // columns), 1)
        side = max(min(room.width() // columns, room.height() // rows), 1)
        left = room.left() + (room.width() - side * columns) // 2
        return cls(left, room.top() + (room.height() - side * rows) // 2, side, columns, shown)

    def rect(self, index: int) -> QRectF:
        """Return the place of an image."""
        place, gap = index - self.shown.start, 2 if self.side < 100 else 4
        across, down = place % self.columns, place // self.columns
        return QRectF(self.left + across * self.side, self.top + down * self.side, self.side - gap, self.side - gap)

    def at(self, point: QPoint) -> int | None:
        """Return the image below a point."""
        across, down = (point.x() - self.left) // self.side, (point.y() - self.top) // self.side
        place = down * self.columns + across
        if not 0 <= across < self.columns or not 0 <= place < len(self.shown):
            return None
        return self.shown.start + place

    def share(self, point: QPointF) -> QPointF:
        """Return where a point lies within its image, in shares of its sides."""
        return QPointF((point.x() - self.left) / self.side % 1.0, (point.y() - self.top) / self.side % 1.0)


def draw_block(
    painter: QPainter, cell: Cell, tiles: Tiles, lens: Lens | None = None, picked: int | None = None
) -> None:
    """Draw a cell's images, pixels sharp, through a lens; one of them may be picked out with a frame."""
    assert cell.image is not None
    pixels = cell.image.width() / cell.columns
    part = lens.part() if lens is not None else QRectF(0, 0, 1, 1)
    smaller = tiles.side < pixels * part.width()  # where pixels are left out, those that are kept should be fair
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smaller)
    for index in tiles.shown:
        left, top = index % cell.columns + part.x(), index // cell.columns + part.y()
        source = QRectF(left * pixels, top * pixels, part.width() * pixels, part.height() * pixels)
        target = tiles.rect(index)
        painter.drawImage(target, cell.image, source)
        if index == picked and len(tiles.shown) > 1:
            painter.setPen(QPen(theme.color("accent"), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(target)
        if index in cell.stars and tiles.side >= _STARRED:
            _draw_star(painter, target)


def _draw_star(painter: QPainter, target: QRectF) -> None:
    radius = min(max(target.width() / 10, 4.5), 9.0)
    middle = QPointF(target.right() - radius - 2, target.top() + radius + 2)
    painter.setPen(QPen(theme.color("window"), 1.0))
    painter.setBrush(theme.color("warning"))
    painter.drawPolygon(QPolygonF([middle + QPointF(x, y) * radius for x, y in _STAR]))
