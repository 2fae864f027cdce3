"""Fetches pictures of samples for the window, one at a time, and keeps those that were seen last."""

from collections import OrderedDict
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.strip_shelf import read_strip

_KEPT = 16


class StripLoader(QObject):
    """Loads the picture that is wanted now; what was wanted meanwhile and is no longer is never read.

    Signals
    -------
    loaded(object)
        The file whose picture is there now, as `picture` returns it.
    """

    loaded = Signal(object)

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self._clerk = clerk
        self._pictures: OrderedDict[Path, QImage | None] = OrderedDict()
        self._wanted: Path | None = None
        self._busy = False

    def has(self, file: Path) -> bool:
        """Tell whether a file has been read, whatever came of it."""
        return file in self._pictures

    def picture(self, file: Path) -> QImage | None:
        """Return a picture that has been read; None where the file holds none that can be shown."""
        self._pictures.move_to_end(file)
        return self._pictures[file]

    def want(self, file: Path) -> None:
        """Have a file read next."""
        self._wanted = file
        if not self._busy:
            self._read(file)

    def _read(self, file: Path) -> None:
        self._busy = True
        self._clerk.submit(partial(read_strip, file), partial(self._done, file))

    def _done(self, file: Path, picture: QImage | None) -> None:
        self._busy = False
        self._pictures[file] = picture
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        self.loaded.emit(file)
        if self._wanted is not None and self._wanted not in self._pictures:
            self._read(self._wanted)
