"""How large the cells of a grid of samples are: as large as they fit together, and never too small to read."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, QRect, QSize

HEAD = 40
SIDE = 116
GAP = 8
PAD = 7
CAPTION = 36
SCROLL_BAR = 12
LEAST_SIDE = 24  # pixels of an image below which nobody reads it
GOOD_SIDE = 28
LARGEST_SIDE = 72
LARGEST_ALONE = 320  # of an image that has its cell to itself
SCROLLED_SIDE, SCROLLED_ALONE = 40, 128  # where not all cells are in sight at once
LEAST_WIDTH = 112  # what the words below a cell need


Key = tuple[Any, Any]  # row and column of a cell, of whatever types the page has for them


@dataclass(frozen=True, slots=True)
class Heading:
    """What a row or a column is called, in two or three lines."""

    key: Hashable
    title: str
    second: str = ""
    third: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class GridLayout:
    """The measures of a grid.

    Attributes
    ----------
    rows, columns : int
    wide : int
        Images per row of a cell.
    cell : QSize
    """

    rows: int
    columns: int
    wide: int
    cell: QSize

    @classmethod
    def fit(cls, rows: int, columns: int, count: int, room: QSize) -> "GridLayout":
        """Lay out cells of so many images: so that all cells fit into the room together; else as the width allows."""
        width = (room.width() - SIDE - SCROLL_BAR) // max(columns, 1) - GAP - 2 * PAD
        height = (room.height() - HEAD) // max(rows, 1) - GAP - 2 * PAD - CAPTION
        side, less_wide = max((min(width // wide, height // -(-count // wide)), -wide) for wide in range(1, count + 1))
        wide = -less_wide
        if side >= GOOD_SIDE:
            side = min(side, LARGEST_SIDE if count > 1 else LARGEST_ALONE)
        else:
            width = max(width, 4 * LEAST_SIDE)
            wide = -(-count // -(-count // max(width // LEAST_SIDE, 1)))
            side = max(LEAST_SIDE, min(width // wide, SCROLLED_SIDE if count > 1 else SCROLLED_ALONE))
        size = QSize(max(wide * side + 2 * PAD, LEAST_WIDTH), -(-count // wide) * side + 2 * PAD + CAPTION)
        return cls(rows, columns, wide, size)

    def rect(self, row: int, column: int) -> QRect:
        """Return where a cell is."""
        left = SIDE + column * (self.cell.width() + GAP)
        return QRect(left, HEAD + row * (self.cell.height() + GAP), self.cell.width(), self.cell.height())

    def images(self, rect: QRect) -> QRect:
        """Return the room of the images within a cell."""
        return rect.adjusted(PAD, PAD, -PAD, -PAD - CAPTION)

    def size(self) -> QSize:
        """Return the room that all cells and their headings need."""
        width = SIDE + max(self.columns * (self.cell.width() + GAP) - GAP, 0)
        return QSize(width, HEAD + self.rows * (self.cell.height() + GAP))

    def column_head(self, column: int, origin: QPoint) -> QRect:
        """Return the heading of a column: at the top of what is in sight, which begins at ``origin``."""
        rect = self.rect(0, column)
        return QRect(rect.left(), origin.y(), rect.width(), HEAD - 4)

    def row_head(self, row: int, origin: QPoint) -> QRect:
        """Return the heading of a row: at the left of what is in sight, which begins at ``origin``."""
        rect = self.rect(row, 0)
        return QRect(origin.x(), rect.top(), SIDE - GAP, rect.height())
