"""The part of a chart that is zoomed and moved."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal


class ChartBox(pg.ViewBox):  # type: ignore[misc]
    """Zooms with the wheel and a box drawn with the left button, moves with the middle one or with Shift.

    Signals
    -------
    whole_wanted
        A double click asks for the whole range.
    """

    whole_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False, defaultPadding=0.0)
        self.setMouseMode(self.RectMode)
        self.disableAutoRange()

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Draw a box, or move."""
        moving = event.button() == Qt.MouseButton.MiddleButton or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self.state["mouseMode"] = self.PanMode if moving else self.RectMode
        super().mouseDragEvent(event, axis)

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Ask for the whole range."""
        self.whole_wanted.emit()
        event.accept()
