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
    moved
        Another part came into sight.
    """

    room_changed = Signal(QSize)
    moved = Signal()

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidget(inside)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.valueChanged.connect(self.moved)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell the new room."""
        super().resizeEvent(event)
        self.room_changed.emit(self.maximumViewportSize())
