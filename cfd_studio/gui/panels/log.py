"""What the jobs of a run have said."""

import time

from PySide6.QtGui import QGuiApplication, QTextBlock, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.widgets.buttons import Button, QuietComboBox
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.log_text import LogText

MOST_LINES = 5000
_LEVELS = {"info": 0, "warning": 1, "error": 2}
_TONES = ("", "#c58a1c", "#d9534f")
_FILTERS = {"All lines": 0, "Warnings": 1, "Errors": 2}


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
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search the log")
        self.search.setAccessibleName("Search the log")
        self.search.setToolTip("Show only lines that hold this text")
        self.level = QuietComboBox()
        for words, level in _FILTERS.items():
            self.level.addItem(words, level)
        self.level.setAccessibleName("Lines to show")
        self.level.setToolTip("Show only lines that are at least as serious")
        self.level.setFixedWidth(94)
        self.none = label("No line is like that.", "muted")
        self.follow = Button(icon="arrow-down", role="tool", tip="Stay at the newest line")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.copy = Button(icon="copy", role="tool", tip="Copy the lines that are shown")
        self._count = 0
        self._lay_out()
        self.copy.clicked.connect(self._copy)
        self.follow.clicked.connect(self._follow)
        self.text.end_left.connect(self._left)
        self.search.textChanged.connect(self._sift)
        self.level.currentIndexChanged.connect(self._sift)

    def reset(self) -> None:
        """Empty the pane, and show everything again."""
        self._count = 0
        self.text.clear()
        self.search.clear()
        self.level.setCurrentIndex(0)
        self.follow.setChecked(True)

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Append the lines that came since the last call."""
        new = snapshot.log_count - self._count
        if new <= 0:
            return
        self._count = snapshot.log_count
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for line in snapshot.log[-new:]:
            kind = _LEVELS.get(line.level, 0)
            when = time.strftime("%H:%M:%S  ", time.localtime(line.time))
            self.text.append_line(cursor, when, line.text, _TONES[kind], kind)
        cursor.endEditBlock()
        if self.search.text() or self.level.currentData():
            self._sift()
        if self.follow.isChecked():
            self.text.to_end()

    def _sift(self) -> None:
        least, sought = int(self.level.currentData()), self.search.text().casefold()

        def wanted(block: QTextBlock) -> bool:
            return block.userState() >= least and sought in block.text().casefold()

        left = self.text.sift(wanted)
        self.none.setVisible(not left and self._count > 0)

    def _follow(self) -> None:
        if self.follow.isChecked():
            self.text.to_end()

    def _left(self, left: bool) -> None:
        self.follow.setChecked(not left)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(self.text.lines_in_sight()))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self.search, 1)
        head.addWidget(self.level)
        head.addWidget(self.follow)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 12, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.none)
        column.addWidget(self.text, 1)
        self.none.hide()
