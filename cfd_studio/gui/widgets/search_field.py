"""A field to search with: Escape empties it, the arrow down leaves it."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from cfd_studio.gui import theme


class SearchField(QLineEdit):
    """One line with a magnifying glass.

    Signals
    -------
    left
        The person goes on to what was found.
    """

    left = Signal()

    def __init__(self, words: str, tip: str) -> None:
        super().__init__()
        self.setPlaceholderText(words)
        self.setAccessibleName(words)
        self.setToolTip(tip)
        self._glass = QAction(self)
        self._wipe = QAction("Clear the search", self)
        self._wipe.triggered.connect(self.clear)
        self.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self.addAction(self._wipe, QLineEdit.ActionPosition.TrailingPosition)
        self._wipe.setVisible(False)
        self.textChanged.connect(self._changed)
        self._draw_icons()

    def event(self, event: QEvent) -> bool:
        """Keep Escape for this field while there is something in it."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if escape and event.type() == QEvent.Type.ShortcutOverride and self.text():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Empty the field, or go on to what was found."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Redraw the icons in the colours of the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw_icons()

    def _changed(self, text: str) -> None:
        self._wipe.setVisible(bool(text))

    def _draw_icons(self) -> None:
        self._glass.setIcon(theme.icon("magnifying-glass", "faint"))
        self._wipe.setIcon(theme.icon("xmark", "muted"))
