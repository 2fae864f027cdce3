"""The fields of a form that say how this machine runs the experiment."""

from pydantic import ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.words import WORKER_WORDS
from cfd_studio.gui.speed_rows import FastRow, precision_problem, precision_row
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.gui.widgets.path_row import PathRow
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.execution import MOST_PARTS, MOST_PROCESSES, ExecutionRequest
from cfd_studio.runs.intake import typed_path

_WRONG = {
    "device": "Use auto, cpu, cuda or cuda:N",
    "threads": "Use a whole number; 0 measures which is fastest",
    "processes": f"Use a whole number from 1 to {MOST_PROCESSES}",
    "accumulation": f"Use a whole number from 0 to {MOST_PARTS}",
    "data_folder": "Use a shorter path",
    "inception_file": "Use a shorter path",
}
_MORE = "Several processes, batches in parts, precision and fast paths"
_PATHS = ("data_folder", "inception_file")
_GIVEN = ("folder", "arrays")  # images that only the person knows where to find
_ARRAYS = "Arrays (*.npz *.npy)"
_WEIGHTS = "Weights (*.pth *.pt *.safetensors);;All files (*)"


class MachineFields(QWidget):
    """Device, threads, where the job runs and where its files lie; what few people need is folded away.

    Signals
    -------
    edited
        The person changed something.
    """

    edited = Signal()

    def __init__(self, devices: list[str]) -> None:
        super().__init__()
        self.device = self._row("device", devices)
        self.threads = self._row("threads")
        worker = ExecutionRequest.model_fields["worker"]
        self.worker = ChoiceRow(worker.title or "", WORKER_WORDS, tip=worker.description or "")
        self.images = self._path("data_folder", "")
        self.inception = self._path("inception_file", _WEIGHTS)
        self.more = Button("More", icon="chevron-down", role="ghost", tip=_MORE)
        self.more.setProperty("small", True)
        self.processes = self._row("processes")
        self.accumulation = self._row("accumulation")
        self.precision = precision_row()
        self.fast = FastRow()
        self._folded: tuple[FormRow, ...] = (self.processes, self.accumulation, self.precision, self.fast)
        self._rows: dict[str, FormRow] = {
            "device": self.device,
            "threads": self.threads,
            "processes": self.processes,
            "worker": self.worker,  # after the number of processes, which may choose it
            "accumulation": self.accumulation,
            "precision": self.precision,
            "fast": self.fast,
            "data_folder": self.images,
            "inception_file": self.inception,
        }
        self._data = ""
        self._folders: dict[str, str] = {}
        self._lay_out()
        self.more.clicked.connect(self._unfold)
        for row in self._rows.values():
            row.edited.connect(self.edited)

    def fill(self, request: ExecutionRequest, folders: dict[str, str] | None = None) -> None:
        """Show a request; what is folded away stays so unless it says something.

        ``folders`` is where the images of data sets were found, by the name of the set.
        """
        self._folders = dict(folders or {})
        for name, row in self._rows.items():
            row.set_text(str(getattr(request, name)))
        self.images.set_text(self._folders.get(self._data, ""))
        plain = request.processes == 1 and request.accumulation <= 1
        self._fold(plain and request.precision == "auto" and not request.fast)

    def show_needs(self, data: str, *, inception: bool) -> None:
        """Ask for the files that an experiment needs; each data set has a place of its own for its images."""
        if data != self._data:
            self._folders[self._data] = self.images.text()
            self._data = data
            self.images.set_text(self._folders.get(data, ""))
        self.images.setVisible(data not in ("digits", "none"))
        self.images.kinds = _ARRAYS if data == "arrays" else ""
        self.images.input.setPlaceholderText("" if data in _GIVEN else "downloaded into the cache")
        self.inception.setVisible(inception)

    def forget_given(self) -> None:
        """Forget folders that belong to another preset."""
        for name in _GIVEN:
            self._folders.pop(name, None)
        if self._data in _GIVEN:
            self.images.set_text("")

    def folders(self) -> dict[str, str]:
        """Return where the images of data sets that have a name of their own were found."""
        found = {**self._folders, self._data: self.images.text()}
        return {name: path for name, path in found.items() if path and name in DATA_SETS and name not in _GIVEN}

    def request(self) -> ExecutionRequest | None:
        """Return what is asked of the machine, or None where it is wrong."""
        try:
            return self._read()
        except ValidationError:
            return None

    def check(self) -> int:
        """Say what is wrong beside each field; return how many are."""
        wrong: dict[str, str] = {}
        try:
            self._read()
        except ValidationError as error:
            wrong = {name: _sentence(name, item["type"]) for item in error.errors() if (name := str(item["loc"][0]))}
        if sentence := precision_problem(self.precision.text(), self.device.text()):
            wrong["precision"] = sentence
        if self._data in _GIVEN and not self.images.text():
            wrong["data_folder"] = "Say which file holds them" if self._data == "arrays" else "Say where they lie"
        for name, row in self._rows.items():
            row.show_problem(wrong.get(name, ""))
        several = self.processes.text() not in ("1", "") and "processes" not in wrong
        if several:
            self.worker.set_text("process")
        self.worker.box.setEnabled(not several)
        return len(wrong)

    def _read(self) -> ExecutionRequest:
        # What is not asked for is not said, whatever it was for another preset.
        return ExecutionRequest.model_validate(
            {name: row.text() for name, row in self._rows.items() if row not in (self.images, self.inception)}
            | {name: _path(row) for name, row in self._rows.items() if isinstance(row, PathRow) and not row.isHidden()}
        )

    def _unfold(self) -> None:
        self._fold(False)
        self.processes.setFocus()

    def _fold(self, folded: bool) -> None:
        self.more.setVisible(folded)
        for row in self._folded:
            row.setVisible(not folded)

    @staticmethod
    def _row(name: str, choices: list[str] | None = None) -> FieldRow:
        info = ExecutionRequest.model_fields[name]
        return FieldRow(
            info.title or name, text=str(info.default), choices=choices, tip=info.description or "", wide=True
        )

    @staticmethod
    def _path(name: str, kinds: str) -> PathRow:
        info = ExecutionRequest.model_fields[name]
        return PathRow(info.title or name, tip=info.description or "", kinds=kinds)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for row in (self.images, self.inception, self.device, self.threads, self.worker):
            column.addWidget(row)
        last = QHBoxLayout()
        last.addWidget(self.more)
        last.addStretch(1)
        column.addLayout(last)
        for folded in self._folded:
            column.addWidget(folded)
        self.images.hide()
        self.inception.hide()
        self.inception.input.setPlaceholderText("downloaded by torch-fidelity")


def _sentence(name: str, kind: str) -> str:
    """Return what is wrong with a field; a path may be too long, or hold what none may."""
    return (
        "Remove the character NUL, which no path may hold"
        if kind == "string_pattern_mismatch" and name in _PATHS
        else _WRONG[name]
    )


def _path(row: FormRow) -> str:
    """Return the whole path; nothing stays nothing."""
    return str(typed_path(row.text())) if row.text() else ""
