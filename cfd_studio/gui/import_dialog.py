"""What must be known of a checkpoint that its file does not say."""

from pathlib import Path
from typing import get_args

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.data import DATA_SETS, DataName
from cfd_studio.protocol.errands import ImportErrand
from cfd_studio.runs.intake import typed_path

_LONGEST_NAME = 80
_SIZES = range(8, 257)  # as a config takes them


class ImportDialog(QDialog):
    """Asks which images a model was trained on, and where its run is to lie.

    Signals
    -------
    wanted(object)
        An `ImportErrand`.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget, file: Path, folder: Path) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import checkpoint")
        self._file = file
        words: dict[str, str] = {name: known.words[:1].upper() + known.words[1:] for name, known in DATA_SETS.items()}
        words["none"] = "Unknown, or not at hand"
        self.data = ChoiceRow(
            "Trained on",
            words,
            text="none",
            tip="Its images judge the model, and train what is distilled from it; without them it can only draw",
        )
        self.name = FieldRow("Name", text=file.stem[:_LONGEST_NAME], tip="What the window calls the run", wide=True)
        self.side = FieldRow(
            "Image size", unit="pixels", tip="Side of an image", empty="as the file or the data set says"
        )
        self.folder = FieldRow("Folder", text=str(folder), tip="The run's folder; new or empty", wide=True)
        self.accepting = Button("Import", icon="file-import", role="primary")
        self.refusing = Button("Cancel")
        self._lay_out()
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)
        for row in (self.name, self.side, self.folder):
            row.edited.connect(self._check)

    def _check(self) -> None:
        self.name.show_problem(self._wrong_name())
        self.side.show_problem(self._wrong_size())
        self.folder.show_problem("" if self.folder.text() else "Give the run a folder")
        rows = (self.name, self.side, self.folder)
        self.accepting.setEnabled(not any(row.problem() for row in rows))

    def _wrong_name(self) -> str:
        return "" if 0 < len(self.name.text()) <= _LONGEST_NAME else f"Use 1 to {_LONGEST_NAME} characters"

    def _wrong_size(self) -> str:
        text = self.side.text()
        fits = not text or (text.isdecimal() and len(text) < 5 and int(text) in _SIZES)
        return "" if fits else f"Use a whole number from {_SIZES[0]} to {_SIZES[-1]}, or leave it empty"

    def _accept(self) -> None:
        data = next(name for name in get_args(DataName) if name == self.data.text())
        size = int(self.side.text()) if self.side.text() else None
        self.wanted.emit(ImportErrand(self._file, typed_path(self.folder.text()), data, size, self.name.text()))
        self.accept()

    def _lay_out(self) -> None:
        self.accepting.setDefault(True)
        column = dialog_column(self)
        column.addWidget(label("Import checkpoint", "title"))
        column.addWidget(
            label(
                f"{self._file.name} becomes a run of its own: a teacher or classifier that can be drawn from, judged "
                "and distilled like one that was trained here.",
                "muted",
                wrap=True,
            )
        )
        column.addSpacing(4)
        for row in (self.name, self.data, self.side, self.folder):
            column.addWidget(row)
        column.addSpacing(8)
        column.addLayout(dialog_foot(self.refusing, self.accepting))
        self.setMinimumWidth(560)
