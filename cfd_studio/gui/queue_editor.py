"""What a run that waits asks of the machine, and when it may begin."""

import re
import time

from pydantic import ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from cfd_studio.gui.models.words import WORKER_WORDS
from cfd_studio.gui.speed_rows import FastRow, precision_problem, precision_row
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.workspace.queue import QueueEntry, next_time

_CLOCK = re.compile(r"(?:([01]?[0-9]|2[0-3]):([0-5][0-9]))?")


class QueueEditor(QDialog):
    """Asks for device, threads, worker, number format, fast paths and time of an entry.

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
        self.precision = precision_row(entry.request.precision)
        self.fast = FastRow(entry.request.fast)
        later = time.localtime(entry.not_before) if entry.not_before > time.time() else None
        self.begins = FieldRow(
            "Not before",
            text=time.strftime("%H:%M", later) if later else "",
            tip="A time of day, as in 22:00, today or tomorrow; empty to begin as soon as the device is free",
            empty="as soon as its device is free",
            wide=True,
        )
        self.accepting = Button("Save", role="primary", tip="Keep these choices")
        self.refusing = Button("Cancel", tip="Leave the entry as it was")
        self._lay_out()
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)
        for row in (self.device, self.threads, self.precision, self.begins):
            row.edited.connect(self._read)

    def _read(self) -> tuple[ExecutionRequest, float] | None:
        """Return what is asked for and when it may begin; where that is wrong, say so beside the field."""
        wrong: set[str] = set()
        rows = {
            "device": self.device,
            "threads": self.threads,
            "worker": self.worker,
            "precision": self.precision,
            "fast": self.fast,
        }
        asked = {name: row.text() for name, row in rows.items()}
        request = None
        try:
            request = ExecutionRequest.model_validate(self._entry.request.model_dump() | asked)
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors()}
        self.device.show_problem("Use auto, cpu, mps, cuda or cuda:N" if "device" in wrong else "")
        self.threads.show_problem("A whole number up to 1024; 0 measures" if "threads" in wrong else "")
        self.precision.show_problem(precision_problem(asked["precision"], asked["device"]))
        clock = _CLOCK.fullmatch(self.begins.text())
        self.begins.show_problem("" if clock else "A time of day, as in 22:00")
        right = not self.precision.problem()
        self.accepting.setEnabled(request is not None and clock is not None and right)
        if request is None or clock is None or not right:
            return None
        return request, next_time(int(clock[1]), int(clock[2])) if clock[1] else 0.0

    def _accept(self) -> None:
        if (read := self._read()) is not None:
            self.wanted.emit(self._entry.id, *read)
            self.accept()

    def _lay_out(self) -> None:
        self.accepting.setDefault(True)
        column = dialog_column(self)
        column.addWidget(label(self._entry.name, "title", wrap=True))
        column.addSpacing(4)
        for row in (self.device, self.threads, self.worker, self.precision, self.fast, self.begins):
            column.addWidget(row)
        column.addSpacing(8)
        column.addLayout(dialog_foot(self.refusing, self.accepting))
        self.setMinimumWidth(520)
