"""What the jobs of a run have said."""

import time

from PySide6.QtGui import QColor, QResizeEvent, QShowEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.models.snapshot import LogLine, RunSnapshot
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label

MOST_LINES = 5000


class LogText(QPlainTextEdit):
    """Read-only text that stays scrolled to its end when its size changes."""

    def __init__(self) -> None:
        super().__init__(readOnly=True)

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def to_end(self) -> None:
        """Scroll to the last line."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

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


class LogPanel(QFrame):
    """Appends new lines and keeps the view at the end, unless the person scrolled up."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.text = LogText()
        self.text.setProperty("role", "log")
        self.text.setFont(theme.font(12, tabular=True))
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setAccessibleName("Log")
        self.text.setPlaceholderText("The job's log appears here.")
        self.copy = Button(icon="copy", role="ghost", tip="Copy the whole log")
        self.copy.clicked.connect(self._copy)
        self._count = 0
        head = QHBoxLayout()
        head.addWidget(label("Log", "section"))
        head.addStretch(1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 8, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.text, 1)

    def reset(self) -> None:
        """Empty the pane."""
        self._count = 0
        self.text.clear()

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Append the lines that came since the last call."""
        new = snapshot.log_count - self._count
        if new <= 0:
            return
        self._count = snapshot.log_count
        at_end = self.text.at_end
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for line in snapshot.log[-new:]:
            self._append(cursor, line)
        cursor.endEditBlock()
        if at_end:
            self.text.to_end()

    def _append(self, cursor: QTextCursor, line: LogLine) -> None:
        if not self.text.document().isEmpty():
            cursor.insertBlock()
        quiet, plain = QTextCharFormat(), QTextCharFormat()
        # A grey that reads on both backgrounds, for the document keeps its colours when the theme changes.
        quiet.setForeground(QColor("#868e9c"))
        if line.level != "info":
            plain.setForeground(QColor("#d9534f" if line.level == "error" else "#c58a1c"))
        cursor.insertText(time.strftime("%H:%M:%S  ", time.localtime(line.time)), quiet)
        cursor.insertText(line.text, plain)

    def _copy(self) -> None:
        self.text.selectAll()
        self.text.copy()
        self.text.moveCursor(QTextCursor.MoveOperation.End)
