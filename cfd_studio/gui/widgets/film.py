"""Films: the estimates of one image, from noise to the end, each with the level it was made at."""

from bisect import bisect_right
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter


@dataclass(frozen=True, slots=True)
class Film:
    """Pictures of one size in one image, row by row.

    Attributes
    ----------
    sheet : QImage
    columns : int
        Pictures per row of the sheet.
    width, height : int
        Of a picture.
    levels : tuple of int
        Falling, one per picture.
    """

    sheet: QImage
    columns: int
    width: int
    height: int
    levels: tuple[int, ...]

    def newest(self, level: int) -> int:
        """Return the number of the newest picture made at a level not below this one."""
        return max(bisect_right(self.levels, -level, key=lambda one: -one) - 1, 0)

    def draw(self, painter: QPainter, target: QRectF, index: int) -> None:
        """Draw a picture into a rectangle, as large as it fits; pixels stay sharp where they grow."""
        scale = min(target.width() / self.width, target.height() / self.height)
        room = QRectF(0, 0, self.width * scale, self.height * scale)
        room.moveCenter(target.center())
        down, right = divmod(index, self.columns)
        source = QRectF(right * self.width, down * self.height, self.width, self.height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        painter.drawImage(room, self.sheet, source, Qt.ImageConversionFlag.AutoColor)


@dataclass(frozen=True, slots=True)
class FilmRow:
    """What stands in a row: a film, or why there is none.

    Attributes
    ----------
    state : str
        ``waiting``, ``done``, ``failed`` or ``idle``.
    steps : int
        Pictures that the film has, or will have.
    """

    name: str
    steps: int
    state: str = "idle"
    film: Film | None = None
    tip: str = ""
