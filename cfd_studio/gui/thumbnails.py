"""Small pictures of runs: the first samples of the newest strip, put together as a square."""

from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from cfd_studio.gui.strip_shelf import read_strip

PER_SIDE = 2
GAP = 4
SIDE = 96  # pixels: twice what is shown, for dense screens


class ThumbnailReader:
    """Keeps the thumbnail of one run, and makes it anew where its strip is another."""

    def __init__(self) -> None:
        self._made: tuple[Path, int] | None = None
        self._picture: QImage | None = None

    def read(self, strip: Path | None) -> QImage | None:
        """Return the thumbnail of a strip; None where there is none to show. Not for the window's thread."""
        if strip is None:
            return None
        try:
            wanted = (strip, strip.lstat().st_mtime_ns)
        except OSError:
            return self._picture
        if wanted != self._made:
            self._made = wanted
            image = read_strip(strip)
            self._picture = None if image is None else _square(image)
        return self._picture


def _square(strip: QImage) -> QImage:
    """Return the first images of a strip, two by two; of a strip with fewer, the first one."""
    side = strip.height()
    count = (strip.width() + 1) // (side + 1)
    per_side = PER_SIDE if count >= PER_SIDE**2 else 1
    result = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
    result.fill(Qt.GlobalColor.black)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, side > SIDE // per_side)  # small ones stay crisp
    cell = (SIDE - GAP * (per_side - 1)) / per_side
    for index in range(per_side**2):
        row, column = divmod(index, per_side)
        source = QRectF(index * (side + 1), 0, min(side, strip.width()), side)
        painter.drawImage(QRectF(column * (cell + GAP), row * (cell + GAP), cell, cell), strip, source)
    painter.end()
    return result
