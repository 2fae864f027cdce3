"""Asks before a run is thrown away: how large it is, and its name once more."""

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.runs.catalog import RunSummary


class TrashDialog(QDialog):
    """The button works once the name is typed.

    Signals
    -------
    confirmed
        The run is to be moved to the trash.
    """

    confirmed = Signal()

    def __init__(self, parent: QWidget, run: RunSummary) -> None:
        super().__init__(parent)
        self.setWindowTitle("Move to the trash")
        self._wanted = " ".join(run.name.split())
        self.measure = label("Measuring its size…", "muted", wrap=True)
        self.typed = QLineEdit()
        self.typed.setPlaceholderText(self._wanted)
        self.typed.setAccessibleName("Name of the run")
        self.typed.setToolTip("Type the name of the run to confirm")
        self.accepting = Button("Move to the trash", icon="trash-can", role="primary")
        self.refusing = Button("Cancel")
        self.accepting.setEnabled(False)
        self._lay_out(run)
        self.typed.textChanged.connect(self._check)
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)

    def show_size(self, size: int) -> None:
        """Say how large the run is."""
        words = QLocale.c().formattedDataSize(size, 1, QLocale.DataSizeFormat.DataSizeSIFormat)
        self.measure.setText(f"{words}, with all its weights, checkpoints and samples.")

    def show_no_size(self, error: Exception) -> None:
        """Say that nobody knows how large the run is."""
        self.measure.setText(f"Its size could not be measured: {error}")

    def _check(self, text: str) -> None:
        self.accepting.setEnabled(" ".join(text.split()) == self._wanted)

    def _accept(self) -> None:
        self.confirmed.emit()
        self.accept()

    def _lay_out(self, run: RunSummary) -> None:
        column = dialog_column(self)
        title = ElidedLabel("", "title")
        title.set_whole(f"Move “{self._wanted}” to the trash?")
        folder = ElidedLabel("", "faint")
        folder.set_whole(str(run.path))
        for part in (title, folder, self.measure):
            column.addWidget(part)
        caption = label("Type the name of the run to confirm:")
        caption.setBuddy(self.typed)
        column.addWidget(caption)
        column.addWidget(self.typed)
        column.addSpacing(8)
        column.addLayout(dialog_foot(self.refusing, self.accepting))
        self.setMinimumWidth(480)
