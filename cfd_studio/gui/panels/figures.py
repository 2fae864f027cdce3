"""All figures of a run in one table."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.models.figures_table import FIRST_FIGURE, FiguresTable
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import REFERENCE_WORDS
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.sampling import DDIM

ROOM = 6  # figures that fit beside each other into the smallest window


class FiguresPanel(QWidget):
    """Shows the table and copies it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = FiguresTable()
        self.table.modelReset.connect(self._fit)
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
        heading.setHighlightSections(False)
        heading.setMinimumSectionSize(64)
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
        if self.table.rows:
            self.words.setText(_words(snapshot))

    def _fit(self) -> None:
        """Share the room among the figures, or scroll where it would be too little for them."""
        heading, few = self.view.horizontalHeader(), len(self.table.headings) - FIRST_FIGURE <= ROOM
        for section in range(len(self.table.headings)):
            wide = section >= FIRST_FIGURE and few
            mode = QHeaderView.ResizeMode.Stretch if wide else QHeaderView.ResizeMode.ResizeToContents
            heading.setSectionResizeMode(section, mode)

    def _turn_to(self, button: QAbstractButton) -> None:
        self.table.reference = button.property("reference")
        if self._snapshot is not None:
            self.table.show_snapshot(self._snapshot)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.table.as_text())


def _words(snapshot: RunSnapshot) -> str:
    """Return what the figures mean."""
    evaluation = snapshot.config.evaluation
    sampler = "" if evaluation.sampler == DDIM else f" of {evaluation.sampler}"
    words = (
        f"{evaluation.samples:,} samples{sampler} against real images. Fréchet distance: lower is better; precision "
        "and recall: higher is better."
    )
    if evaluation.judge is not None:
        words += f" The judge is “{evaluation.judge}”, which takes no part in distillation."
    return f"{words} The floor is real against real."
