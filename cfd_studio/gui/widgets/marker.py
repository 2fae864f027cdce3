"""The symbols of a scatter plot, drawn elsewhere: in a table and in a legend."""

from dataclasses import dataclass
from functools import lru_cache

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QIcon, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme

_SIDE = 11
_ROOM = 16
_RATIO = 2  # pixels of an icon per pixel of an ordinary screen


@dataclass(frozen=True, slots=True)
class Marker:
    """A symbol of pyqtgraph's in a tone of the theme; quiet ones stand back."""

    symbol: str
    tone: str
    filled: bool = True
    quiet: bool = False

    @property
    def colour(self) -> QColor:
        """The colour in the theme of now."""
        return theme.mixed(self.tone, "surface", 0.5) if self.quiet else theme.color(self.tone)

    def icon(self) -> QIcon:
        """Return the symbol as an icon."""
        return _icon(self.symbol, self.colour.name(), theme.current().surface if not self.filled else "")


class MarkerEntry(QWidget):
    """One entry of a legend: a symbol and what it stands for."""

    def __init__(self, marker: Marker, words: str) -> None:
        super().__init__()
        self._marker = marker
        self._words = words
        self.setAccessibleName(words)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return room for both."""
        return QSize(_ROOM + 4 + QFontMetrics(theme.font(12)).horizontalAdvance(self._words), 18)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the symbol and the words."""
        painter = QPainter(self)
        background = "" if self._marker.filled else theme.current().surface
        _paint(painter, self._marker.symbol, self._marker.colour.name(), background, QRectF(0, 1, _ROOM, _ROOM))
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("muted"))
        painter.drawText(self.rect().adjusted(_ROOM + 4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._words)
        painter.end()


@lru_cache(maxsize=64)
def _icon(symbol: str, colour: str, background: str) -> QIcon:
    pixmap = QPixmap(_ROOM * _RATIO, _ROOM * _RATIO)
    pixmap.setDevicePixelRatio(_RATIO)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _paint(painter, symbol, colour, background, QRectF(0, 0, _ROOM, _ROOM))
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # a style would tint it, and colour means something here
    return icon


def _paint(painter: QPainter, symbol: str, colour: str, background: str, room: QRectF) -> None:
    """Draw a symbol in the middle of a room, filled with its own colour or that of the background."""
    path: QPainterPath = Symbols[symbol]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(room.center())
    painter.scale(_SIDE, _SIDE)
    painter.setPen(QPen(QColor(colour), 1.6 / _SIDE))
    painter.setBrush(QColor(background or colour))
    painter.drawPath(path)
    painter.restore()
