"""Which part of every image is shown: one lens for all of them, so that all are looked at in the same place."""

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QWheelEvent

MOST = 64.0
_STEP = 1.25
_CLOSER = (Qt.Key.Key_Plus, Qt.Key.Key_Equal)


class Lens(QObject):
    """A zoom of at least 1 around a centre, in shares of an image's sides.

    Signals
    -------
    changed
        Another part is to be shown.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.zoom = 1.0
        self.centre = QPointF(0.5, 0.5)

    def part(self) -> QRectF:
        """Return what is shown, in shares of an image's sides."""
        width = 1 / self.zoom
        return QRectF(self.centre.x() - width / 2, self.centre.y() - width / 2, width, width)

    def look(self, zoom: float, centre: QPointF) -> None:
        """Show another part, as near to the one asked for as the image reaches."""
        zoom = min(max(zoom, 1.0), MOST)
        edge = 0.5 / zoom
        centre = QPointF(min(max(centre.x(), edge), 1 - edge), min(max(centre.y(), edge), 1 - edge))
        if (zoom, centre) != (self.zoom, self.centre):
            self.zoom, self.centre = zoom, centre
            self.changed.emit()

    def magnify(self, steps: float, at: QPointF | None = None) -> None:
        """Come closer by some steps; what lies below ``at``, in shares of what is shown, stays where it is."""
        at = at or QPointF(0.5, 0.5)
        part = self.part()
        still = QPointF(part.x() + at.x() * part.width(), part.y() + at.y() * part.height())
        zoom = min(max(self.zoom * _STEP**steps, 1.0), MOST)
        self.look(zoom, still - (at - QPointF(0.5, 0.5)) / zoom)

    def drag(self, by: QPointF) -> None:
        """Move the image along, by shares of what is shown."""
        self.look(self.zoom, self.centre - by / self.zoom)

    def reset(self) -> None:
        """Show everything."""
        self.look(1.0, QPointF(0.5, 0.5))

    def take_key(self, key: int) -> bool:
        """Answer to ``+``, ``-`` and ``0``; return whether it was one of them."""
        if key in _CLOSER:
            self.magnify(1)
        elif key == Qt.Key.Key_Minus:
            self.magnify(-1)
        elif key == Qt.Key.Key_0:
            self.reset()
        else:
            return False
        return True

    def take_wheel(self, event: QWheelEvent, at: QPointF | None) -> bool:
        """Answer to the wheel with Ctrl; return whether it was that."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        self.magnify(event.angleDelta().y() / 120, at)
        event.accept()
        return True
