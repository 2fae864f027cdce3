"""The pictures of samples that a stage drew while it was trained, and at its end."""

import re
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray
from PySide6.QtGui import QImage, QImageReader

from cfd_studio.runs.intake import read_bounded

LARGEST_STRIP = 16 * 2**20
MOST_PIXELS = 2**20
MOST_STRIPS = 10_000
_NAME = re.compile(r"step-(\d{8,15})\.png")


class StripShelf:
    """Knows the strips of one stage; the folder is listed only when something in it changed.

    Parameters
    ----------
    folder : Path
        Which need not exist yet.

    Attributes
    ----------
    version : int
        Grows whenever there are other strips than before.
    strips : tuple of (int, Path)
        Step and file, in order.
    newest : QImage or None
        The last of them; None where there is none that can be shown.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = 0
        self.version = 0
        self.strips: tuple[tuple[int, Path], ...] = ()
        self.newest: QImage | None = None

    def look(self) -> None:
        """Notice what is new."""
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed == self._seen or self._folder.is_symlink():
                return
            names = [entry.name for entry in self._folder.iterdir()]
        except OSError:
            return
        self._seen = changed
        found = sorted((int(match[1]), match[0]) for name in names if (match := _NAME.fullmatch(name)))[-MOST_STRIPS:]
        strips = tuple((step, self._folder / name) for step, name in found)
        if strips != self.strips:
            self.strips = strips
            self.newest = read_strip(strips[-1][1]) if strips else None
            self.version += 1


def read_strip(path: Path) -> QImage | None:
    """Return the picture of a strip, or None where the file is no PNG of a size that a strip has."""
    try:
        content = QByteArray(read_bounded(path, LARGEST_STRIP))
    except OSError:
        return None
    buffer = QBuffer(content)
    reader = QImageReader(buffer, QByteArray(b"png"))  # by what it is, not by what it looks like
    size = reader.size()
    if not 0 < size.width() * size.height() <= MOST_PIXELS:
        return None
    image = reader.read()
    return None if image.isNull() else image
