"""The fields of a form that say how this machine runs the experiment."""

from pydantic import ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.words import WORKER_WORDS
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.protocol.execution import MOST_PARTS, MOST_PROCESSES, ExecutionRequest

_WRONG = {
    "device": "Use auto, cpu, cuda or cuda:N",
    "threads": "Use a whole number; 0 measures which is fastest",
    "processes": f"Use a whole number from 1 to {MOST_PROCESSES}",
    "accumulation": f"Use a whole number from 0 to {MOST_PARTS}",
}


class MachineFields(QWidget):
    """Device, threads and where the job runs; what few people need is folded away.

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
        self.more = Button("More", icon="chevron-down", role="ghost", tip="Several processes, and batches in parts")
        self.more.setProperty("small", True)
        self.processes = self._row("processes")
        self.accumulation = self._row("accumulation")
        self._rows = {name: getattr(self, name) for name in _WRONG}
        self._lay_out()
        self.more.clicked.connect(self._unfold)
        self.worker.edited.connect(self.edited)
        for row in self._rows.values():
            row.edited.connect(self.edited)

    def fill(self, request: ExecutionRequest) -> None:
        """Show a request; what is folded away stays so unless it says something."""
        for name, row in self._rows.items():
            row.set_text(str(getattr(request, name)))
        self.worker.choose(request.worker)
        self._fold(request.processes == 1 and request.accumulation <= 1)

    def request(self) -> ExecutionRequest | None:
        """Return what is asked of the machine, or None where it is wrong."""
        try:
            return self._read()
        except ValidationError:
            return None

    def check(self) -> int:
        """Say what is wrong beside each field; return how many are."""
        wrong: set[str] = set()
        try:
            self._read()
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors()}
        for name, row in self._rows.items():
            row.show_problem(_WRONG[name] if name in wrong else "")
        several = self.processes.text() not in ("1", "") and "processes" not in wrong
        if several:
            self.worker.choose("process")
        self.worker.box.setEnabled(not several)
        return len(wrong)

    def _read(self) -> ExecutionRequest:
        values = {name: row.text() for name, row in self._rows.items()}
        return ExecutionRequest.model_validate(values | {"worker": self.worker.value()})

    def _unfold(self) -> None:
        self._fold(False)
        self.processes.input.setFocus()

    def _fold(self, folded: bool) -> None:
        self.more.setVisible(folded)
        self.processes.setVisible(not folded)
        self.accumulation.setVisible(not folded)

    @staticmethod
    def _row(name: str, choices: list[str] | None = None) -> FieldRow:
        info = ExecutionRequest.model_fields[name]
        return FieldRow(info.title or name, text=str(info.default), choices=choices, tip=info.description or "")

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for row in (self.device, self.threads, self.worker):
            column.addWidget(row)
        last = QHBoxLayout()
        last.addWidget(self.more)
        last.addStretch(1)
        column.addLayout(last)
        for row in (self.processes, self.accumulation):
            column.addWidget(row)
