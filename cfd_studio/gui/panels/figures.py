"""All figures of a run in one table."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.models.figures_table import FIRST_FIGURE, FiguresTable
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import REFERENCE_WORDS
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
        for section in range(FIRST_FIGURE):
            heading.setSectionResizeMode(section, QHeaderView.ResizeMode.ResizeToContents)
        self.view.setWordWrap(False)
        self.copy = Button("Copy table", icon="copy", tip="Copy with tabs, for a spreadsheet")
        self.copy.clicked.connect(self._copy)
        self.references = QButtonGroup(self)
        for reference, words in REFERENCE_WORDS.items():
            choice = Button(words.capitalize(), role="toggle", tip=f"Compare the samples with the {words}")
            choice.setProperty("reference", reference)
            choice.setChecked(reference == self.table.reference)
            self.references.addButton(choice)
        self.references.buttonClicked.connect(self._turn_to)
        self._snapshot: RunSnapshot | None = None
        self.words = label("Figures appear as soon as a stage is trained and judged.", "muted", wrap=True)
        head = QHBoxLayout()
        head.addWidget(self.words, 1)
        for button in self.references.buttons():
            head.addWidget(button)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.view, 1)

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Fill the table with what is measured so far."""
        self._snapshot = snapshot
        self.table.show_snapshot(snapshot)
        config = snapshot.config
        if self.table.rows:
            self.words.setText(
                f"{config.evaluation.samples:,} samples against real images. Fréchet distance: lower is better; "
                f"precision and recall: higher is better. The judge is “{config.evaluation.judge}”, which takes no "
                "part in distillation; the floor is real against real."
            )

    def _turn_to(self, button: QAbstractButton) -> None:
        self.table.reference = button.property("reference")
        if self._snapshot is not None:
            self.table.show_snapshot(self._snapshot)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.table.as_text())
