"""The queue as Qt wants it: rows that can be dragged to another place."""

import time
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt, Signal

from cfd_studio.gui.models.forecast import duration, forecast
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import PRECISION_WORDS, WORKER_WORDS
from cfd_studio.protocol.wording import wishes_words
from cfd_studio.workspace.queue import QueueEntry

Index = QModelIndex | QPersistentModelIndex
ROW = int(Qt.ItemDataRole.UserRole)
_NOWHERE = QModelIndex()
_MIME = "application/x-cfd-studio-queue-entry"
ENTRY_WORDS = {
    "waiting": "Waiting",
    "running": "Running",
    "interrupted": "Interrupted",
    "failed": "Failed",
    "stopped": "Stopped",
}
ENTRY_TONES = {"waiting": "muted", "running": "accent", "interrupted": "warning", "failed": "bad", "stopped": "muted"}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What the list says of an entry; ``fraction`` is None where nobody has counted."""

    entry: QueueEntry
    place: int
    state: str
    tone: str
    machine: str
    sentence: str
    fraction: float | None = None
    left: str = ""

    @property
    def spoken(self) -> str:
        """The row as a screen reader says it."""
        parts = (f"{self.place}. {self.entry.name}", self.state, self.machine, self.left, self.sentence)
        return ", ".join(part for part in parts if part)


def queue_row(entry: QueueEntry, place: int, snapshot: RunSnapshot | None) -> QueueRow:
    """Put an entry into words."""
    state, tone = ENTRY_WORDS[entry.state], ENTRY_TONES[entry.state]
    request = entry.request
    precision = "" if request.precision == "auto" else PRECISION_WORDS[request.precision]
    fast = f"fast paths: {words}" if (words := wishes_words(request.fast_wishes)) else ""
    parts = (request.device, WORKER_WORDS[request.worker].lower(), precision, fast)
    machine = " · ".join(part for part in parts if part)
    sentence = entry.sentence
    if entry.ready and entry.not_before > time.time():
        state = f"Waiting until {time.strftime('%H:%M', time.localtime(entry.not_before))}"
    if entry.state == "interrupted" and not sentence:
        sentence = "It goes on from its newest checkpoint."
    if snapshot is None or entry.state != "running":
        return QueueRow(entry, place, state, tone, machine, sentence)
    seen = forecast(snapshot)
    left = "" if seen.seconds_left is None else f"about {duration(seen.seconds_left)} left"
    stage = f"Stage {snapshot.current_stage}" if snapshot.current_stage else ""
    if snapshot.state == "paused":
        state, tone = "Paused", "warning"
    return QueueRow(entry, place, state, tone, machine, stage, seen.fraction, left)


class QueueListModel(QAbstractListModel):
    """Rows of `QueueRow`.

    Signals
    -------
    dropped(str, int)
        The id of an entry, and the place that a person dragged it to.
    """

    dropped = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[QueueRow] = []

    def show_rows(self, rows: list[QueueRow]) -> None:
        """Replace the rows; where the same entries stand in the same order, only what changed is told."""
        if [row.entry.id for row in rows] != [row.entry.id for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        for place, (old, new) in enumerate(zip(self.rows, rows, strict=True)):
            if old != new:
                self.rows[place] = new
                self.dataChanged.emit(self.index(place), self.index(place))

    def place_of(self, id: str) -> int:  # noqa: A002, it is the entry's field
        """Return the place of an entry, counted from 0, or -1."""
        return next((place for place, row in enumerate(self.rows) if row.entry.id == id), -1)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many entries there are."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return name, tooltip, description or content of a row."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.entry.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.entry.path}\n{row.sentence}".strip()
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        return row if role == ROW else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let rows be dragged, and dropped between others."""
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802, Qt's own spelling
        """Return that rows are moved."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """Return what may be dropped: an entry of this queue."""
        return [_MIME]

    def mimeData(self, indexes: "list[QModelIndex]") -> QMimeData:  # type: ignore[override]  # noqa: N802
        """Return the id of the row that is dragged."""
        data = QMimeData()
        data.setData(_MIME, self.rows[indexes[0].row()].entry.id.encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:  # noqa: ARG002, N802
        """Tell where an entry was dropped; whoever keeps the queue moves it."""
        id_ = bytes(data.data(_MIME).data()).decode(errors="replace")
        before = self.place_of(id_)
        target = row if row >= 0 else (parent.row() if parent.isValid() else len(self.rows))
        if before >= 0:
            self.dropped.emit(id_, target - (before < target))
        return False  # or Qt would remove the row that was dragged
