"""Icons of Font Awesome Free (solid), in the colours of the theme.

A library that does it with Qt's wrapper for several bindings costs a quarter of the time to the first paint, as it
makes every class that Qt has, and loads a dozen fonts.
"""

import json
from functools import cache
from pathlib import Path

from PySide6.QtCore import QDir, QFileInfo, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap

_PLACE = "icons"  # as Qt calls the folder
_SET = "font-awesome-solid-6.7.2"
_SHARE = 0.875  # of an icon's height: 14 pixels of 16 are where the strokes of these glyphs meet the pixels


class _Glyph(QIconEngine):
    """Draws one character, as large as it is asked for."""

    def __init__(self, character: str, colour: QColor, disabled: QColor) -> None:
        super().__init__()
        self._character, self._colour, self._disabled = character, colour, disabled
        self._font = QFont(_family())  # not while it paints: Qt crashes where that ends in an exception

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        """Draw it into the middle of a rectangle."""
        self._font.setPixelSize(max(1, round(_SHARE * rect.height())))
        painter.save()
        painter.setPen(self._disabled if mode == QIcon.Mode.Disabled else self._colour)
        painter.setFont(self._font)
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), self._character)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Draw it on a ground of its own."""
        result = QPixmap(size)
        result.fill(Qt.GlobalColor.transparent)
        painter = QPainter(result)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return result

    def clone(self) -> QIconEngine:
        """Return another that draws the same."""
        return _Glyph(self._character, self._colour, self._disabled)


def find_in(folder: Path) -> None:
    """Say where the set lies, before the first icon is asked for."""
    QDir.setSearchPaths(_PLACE, [str(folder)])


@cache
def icon(name: str, colour: str, disabled: str) -> QIcon:
    """Return an icon by its Font Awesome name, in two colours.

    Raises
    ------
    KeyError
        Where the set has none of that name.
    """
    return QIcon(_Glyph(chr(int(_codes()[name], 16)), QColor(colour), QColor(disabled)))


@cache
def _codes() -> dict[str, str]:
    codes: dict[str, str] = json.loads(_file(".json").read_text())
    return codes


@cache
def _family() -> str:
    number = QFontDatabase.addApplicationFont(str(_file(".ttf")))
    return QFontDatabase.applicationFontFamilies(number)[0]


def _file(ending: str) -> Path:
    return Path(QFileInfo(f"{_PLACE}:{_SET}{ending}").absoluteFilePath())
