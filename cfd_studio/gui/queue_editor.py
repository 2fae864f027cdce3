"""What a run that waits asks of the machine, and when it may begin."""

import time

from pydantic import ValidationError
from PySide6.QtCore import QTime, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QTimeEdit, QVBoxLayout, QWidget

from cfd_studio.gui.models.words import WORKER_WORDS
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.workspace.queue import QueueEntry, next_time

_NOW, _LATER = "now", "later"
_WHEN = {_NOW: "As soon as its device is free", _LATER: "Not before"}


class QueueEditor(QDialog):
    """Asks for device, threads, worker and time of an entry.

    Signals
    -------
    wanted(str, object, float)
        The id of the entry, its `ExecutionRequest`, and the time before which it does not begin.
    """

    wanted = Signal(str, object, float)

    def __init__(self, parent: QWidget, entry: QueueEntry, devices: list[str]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Edit the queue")
        self._entry = entry
        fields = ExecutionRequest.model_fields
        self.device = FieldRow(
            "Device", text=entry.request.device, choices=devices, tip=fields["device"].description or "", wide=True
        )
        self.threads = FieldRow(
            "Threads", text=str(entry.request.threads), tip=fields["threads"].description or "", wide=True
        )
        self.worker = ChoiceRow("Runs", WORKER_WORDS, text=entry.request.worker, tip=fields["worker"].description or "")
        later = entry.not_before > time.time()
        self.when = ChoiceRow("Begins", _WHEN, text=_LATER if later else _NOW, tip="When the run may begin")
        self.clock = QTimeEdit()
        self.clock.setDisplayFormat("HH:mm")
        self.clock.setAccessibleName("Not before")
        self.clock.setToolTip("The run begins at this time of day or later, today or tomorrow")
        self.clock.setFixedWidth(96)
        moment = time.localtime(entry.not_before) if later else time.localtime(time.time() + 3600)
        self.clock.setTime(QTime(moment.tm_hour, moment.tm_min if later else 0))
        self.accepting = Button("Save", role="primary", tip="Keep these choices")
        self.refusing = Button("Cancel", tip="Leave the entry as it was")
        self._lay_out()
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)
        self.when.edited.connect(self._show_clock)
        for row in (self.device, self.threads):
            row.edited.connect(self._read)
        self._show_clock()

    def _read(self) -> ExecutionRequest | None:
        """Return what is asked for; where it is wrong, say so beside the field."""
        wrong: set[str] = set()
        asked = {"device": self.device.text(), "threads": self.threads.text(), "worker": self.worker.text()}
        request = None
        try:
            request = ExecutionRequest.model_validate(self._entry.request.model_dump() | asked)
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors()}
        self.device.show_problem("Use auto, cpu, mps, cuda or cuda:N" if "device" in wrong else "")
        self.threads.show_problem("A whole number up to 1024; 0 measures" if "threads" in wrong else "")
        self.accepting.setEnabled(not wrong)
        return request

    def _accept(self) -> None:
        if (request := self._read()) is None:
            return
        at = self.clock.time()
        not_before = next_time(at.hour(), at.minute()) if self.when.text() == _LATER else 0.0
        self.wanted.emit(self._entry.id, request, not_before)
        self.accept()

    def _show_clock(self) -> None:
        self.clock.setEnabled(self.when.text() == _LATER)

    def _lay_out(self) -> None:
        when = QHBoxLayout()
        when.setSpacing(8)
        when.addWidget(self.when, 1)
        when.addWidget(self.clock)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(self.refusing)
        foot.addWidget(self.accepting)
        self.accepting.setDefault(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 16)
        column.setSpacing(12)
        column.addWidget(label(self._entry.name, "title", wrap=True))
        column.addSpacing(4)
        for row in (self.device, self.threads, self.worker):
            column.addWidget(row)
        column.addLayout(when)
        column.addSpacing(8)
        column.addLayout(foot)
        self.setMinimumWidth(520)
