"""The moment when a window has been painted for the first time."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

_PATIENCE_MILLISECONDS = 1000  # a window that comes up minimised is painted when somebody wants it


class FirstPaint(QObject):
    """Calls once when a window has been painted; also where it is in nobody's sight.

    Parameters
    ----------
    window : QWidget
        About to be shown. Where it is closed again before, nothing is called.
    then : callable
    """

    def __init__(self, window: QWidget, then: Callable[[], None]) -> None:
        super().__init__(window)
        self._window = window
        self._then = then
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._call)
        self._timer.start(_PATIENCE_MILLISECONDS)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the end of the first paint event."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            self._timer.start(0)
        return False

    def _call(self) -> None:
        self._window.removeEventFilter(self)
        if self._window.isVisible():
            self._then()
        self.deleteLater()
