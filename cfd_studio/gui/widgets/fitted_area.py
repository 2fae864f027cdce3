"""A scroll area that tells how much room there is."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QWidget


class FittedArea(QScrollArea):
    """Scrolls a widget of fixed size.

    Signals
    -------
    room_changed(QSize)
        The size inside the frame without scroll bars.
    """

    room_changed = Signal(QSize)

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidget(inside)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell the new room."""
        super().resizeEvent(event)
        self.room_changed.emit(self.maximumViewportSize())
