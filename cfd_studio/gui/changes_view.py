"""What differs from where the form began, as a list."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cfd_studio.gui.models.draft import Difference
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label

_HEADINGS = ("Field", "At first", "Yours")


class ChangesView(QWidget):
    """A row per difference; Return or a double click shows its field.

    Signals
    -------
    picked(str)
        The path of a field.
    restart_wanted
        Everything is to be as it was.
    """

    picked = Signal(str)
    restart_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._differences: list[Difference] = []
        self.words = label("", "muted", wrap=True)
        self.copy = Button("Copy", icon="copy", tip="Copy the list as text, a line per field")
        self.restart = Button("Set everything back", icon="arrow-rotate-left", tip="Undo (Ctrl+Z) brings it back")
        self.table = QTableWidget(0, len(_HEADINGS))
        self.table.setHorizontalHeaderLabels(list(_HEADINGS))
        self.table.setAccessibleName("Differences")
        self.table.setToolTip("Return or a double click shows the field")
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.itemActivated.connect(self._activated)
        self.copy.clicked.connect(self._copy)
        self.restart.clicked.connect(self.restart_wanted)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.words, 1)
        head.addWidget(self.copy)
        head.addWidget(self.restart)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 16)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        column.addStretch()

    def show_differences(self, origin: str, differences: list[Difference]) -> None:
        """Show what differs from an origin of that name."""
        self._differences = differences
        count = len(differences)
        self.words.setText(
            f"{count} difference{'s' if count != 1 else ''} from {origin}."
            if count
            else f"Everything is as in {origin}. What you change in the plan is listed here."
        )
        for part in (self.table, self.copy, self.restart):
            part.setVisible(bool(count))
        self.table.setRowCount(count)
        for row, one in enumerate(differences):
            for column, text in enumerate((one.words, one.theirs or "–", one.ours or "–")):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)

    def _activated(self, item: QTableWidgetItem) -> None:
        path = self._differences[item.row()].path
        if path:
            self.picked.emit(path)

    def _copy(self) -> None:
        lines = ["\t".join(_HEADINGS)]
        lines += ["\t".join((one.words, one.theirs, one.ours)) for one in self._differences]
        QGuiApplication.clipboard().setText("\n".join(lines))
