"""Read-only text that grows at its end, of which lines can be left out of sight."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QResizeEvent, QShowEvent, QTextBlock, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit


class LogText(QPlainTextEdit):
    """Stays scrolled to its end where it was there, whatever happens to its size or its lines.

    Signals
    -------
    end_left(bool)
        Whether the last line has gone out of view, once that changes by scrolling.
    """

    end_left = Signal(bool)

    def __init__(self) -> None:
        super().__init__(readOnly=True)
        self._wanted: Callable[[QTextBlock], bool] = lambda _: True
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def to_end(self) -> None:
        """Scroll to the last line."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def append_line(self, cursor: QTextCursor, quiet: str, text: str, tone: str, kind: int) -> None:
        """Write a line where the cursor is, the end: a quiet beginning, then text; ``kind`` becomes its user state."""
        if not self.document().isEmpty():
            cursor.insertBlock()
        # Greys and tones that read on both backgrounds, for the document keeps its colours when the theme changes.
        begin, rest = QTextCharFormat(), QTextCharFormat()
        begin.setForeground(QColor("#868e9c"))
        if tone:
            rest.setForeground(QColor(tone))
        cursor.insertText(quiet, begin)
        cursor.insertText(text.replace("\n", "\u2028"), rest)  # a line of the log is one block
        block = cursor.block()
        block.setUserState(kind)
        block.setVisible(self._wanted(block))

    def sift(self, wanted: Callable[[QTextBlock], bool]) -> int:
        """Leave out of sight what is not wanted, now and later; return how many lines are left."""
        self._wanted = wanted
        at_end, document = self.at_end, self.document()
        block, left = document.begin(), 0
        while block.isValid():
            block.setVisible(wanted(block))
            left += block.isVisible()
            block = block.next()
        document.markContentsDirty(0, document.characterCount())
        self.viewport().update()
        if at_end:
            self.to_end()
        return left

    def lines_in_sight(self) -> list[str]:
        """Return the text of every line that is not left out."""
        block, found = self.document().begin(), []
        while block.isValid():
            if block.isVisible():
                found.append(block.text().replace("\u2028", "\n"))
            block = block.next()
        return found

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay at the end: other line breaks change where it is."""
        at_end = self.at_end
        super().resizeEvent(event)
        if at_end:
            self.to_end()

    def showEvent(self, event: QShowEvent) -> None:
        """Stay at the end: Qt does not know where it is while the text is hidden."""
        at_end = self.at_end
        super().showEvent(event)
        if at_end:
            self.to_end()

    def _scrolled(self) -> None:
        self.end_left.emit(not self.at_end)
