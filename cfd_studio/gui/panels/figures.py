"""All figures of a run in one table."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.models.figures_table import FiguresTable
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label


class FiguresPanel(QWidget):
    """Shows the table and copies it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = FiguresTable()
        self.view = QTableView()
        self.view.setModel(self.table)
        self.view.setFont(theme.font(13, tabular=True))
        self.view.setShowGrid(False)
        self.view.setAlternatingRowColors(True)
        self.view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.view.setAccessibleName("Quality figures")
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(32)
        heading = self.view.horizontalHeader()
        heading.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        heading.setHighlightSections(False)
        heading.setMinimumSectionSize(64)
        heading.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.view.setWordWrap(False)
        self.copy = Button("Copy table", icon="copy", tip="Copy with tabs, for a spreadsheet")
        self.copy.clicked.connect(self._copy)
        self.words = label("Figures appear as soon as a stage is trained and judged.", "muted", wrap=True)
        head = QHBoxLayout()
        head.addWidget(self.words, 1)
        head.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.view, 1)

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Fill the table with what is measured so far."""
        self.table.show_snapshot(snapshot)
        config = snapshot.config
        if self.table.rows:
            self.words.setText(
                f"Fréchet distances of {config.evaluation.samples:,} samples; lower is better. The judge is “"
                f"{config.evaluation.judge}”, a classifier that takes no part in distillation; the floor compares real "
                "images with real ones."
            )

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.table.as_text())
