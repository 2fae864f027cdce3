"""The list of runs, as Qt wants it."""

from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from cfd_studio.gui.models.words import STATE_WORDS
from cfd_studio.runs.catalog import RunSummary

Index = QModelIndex | QPersistentModelIndex
SUMMARY = int(Qt.ItemDataRole.UserRole)
_NOWHERE = QModelIndex()


class RunListModel(QAbstractListModel):
    """Rows of `RunSummary`, newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[RunSummary] = []

    def show_runs(self, runs: list[RunSummary]) -> None:
        """Replace the rows; where the same runs stand in the same order, only what changed is told."""
        if [run.path for run in runs] != [run.path for run in self.runs]:
            self.beginResetModel()
            self.runs = runs
            self.endResetModel()
            return
        for row, (old, new) in enumerate(zip(self.runs, runs, strict=True)):
            if old != new:
                self.runs[row] = new
                self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, path: Path | None) -> int:
        """Return the row of a run, or -1."""
        return next((row for row, run in enumerate(self.runs) if run.path == path), -1)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many runs there are."""
        return 0 if parent.isValid() else len(self.runs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return name, tooltip, description or summary of a row."""
        if not index.isValid() or index.row() >= len(self.runs):
            return None
        run = self.runs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return run.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{run.path}\n{run.sentence}".strip()
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{run.name}, {STATE_WORDS.get(run.state, run.state)}, {run.stages_done} of {run.stages} stages"
        return run if role == SUMMARY else None
