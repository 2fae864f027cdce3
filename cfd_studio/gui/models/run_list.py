"""The list of runs, as Qt wants it: searched, sorted, and changed row by row so that a view keeps its place."""

import html
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.models.words import STATE_WORDS, short
from cfd_studio.runs.catalog import RunSummary

Index = QModelIndex | QPersistentModelIndex
LISTED = int(Qt.ItemDataRole.UserRole)
_NOWHERE = QModelIndex()
_STATES = tuple(STATE_WORDS)  # those that still need somebody come first
_Key = Callable[[RunSummary], tuple[object, ...]]
ORDERS: dict[str, _Key] = {
    "Newest first": lambda run: (-run.begun, str(run.path)),
    "Name": lambda run: (run.name.casefold(), -run.begun),
    "State": lambda run: (_STATES.index(run.state), -run.begun),
    # Distances in different feature spaces do not compare: each space stands by itself.
    "Best figure": lambda run: (
        (run.best is None, run.best.space if run.best else "", run.best.value if run.best else 0.0, -run.begun)
    ),
}


class RunListModel(QAbstractListModel):
    """Rows of `ListedRun`: those that match the search, in the order chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[ListedRun] = []
        self._all: list[ListedRun] = []
        self._words: list[str] = []
        self._order: _Key = next(iter(ORDERS.values()))

    @property
    def runs(self) -> list[RunSummary]:
        """What each row says."""
        return [row.summary for row in self.rows]

    def show_runs(self, runs: list[ListedRun]) -> None:
        """Take in how the runs stand now."""
        self._all = runs
        self._arrange()

    def search(self, text: str) -> None:
        """Show only runs in which every word occurs: in name, folder, tags, notes or state."""
        self._words = text.casefold().split()
        self._arrange()

    def sort_by(self, order: str) -> None:
        """Choose one of `ORDERS`."""
        self._order = ORDERS[order]
        self._arrange()

    def row_of(self, path: Path | None) -> int:
        """Return the row of a run, or -1."""
        return next((row for row, run in enumerate(self.rows) if run.path == path), -1)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many runs are shown."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return name, tooltip, description or the whole of a row."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        run = self.rows[index.row()].summary
        if role == Qt.ItemDataRole.DisplayRole:
            return run.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{run.name}, {STATE_WORDS[run.state]}, {run.stages_done} of {run.stages} stages"
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return _described(run)
        if role == Qt.ItemDataRole.ToolTipRole:  # what a person wrote is text, whatever it looks like
            return f"<p style='white-space: pre-wrap'>{html.escape(_described(run))}</p>"
        return self.rows[index.row()] if role == LISTED else None

    def _arrange(self) -> None:
        """Turn the rows into those that are wanted, one insertion, move or removal at a time."""
        found = [run for run in self._all if self._matches(run.summary)]
        wanted = sorted(found, key=lambda run: self._order(run.summary))
        paths = {run.path for run in wanted}
        for row in reversed(range(len(self.rows))):
            if self.rows[row].path not in paths:
                self.beginRemoveRows(_NOWHERE, row, row)
                del self.rows[row]
                self.endRemoveRows()
        for row, run in enumerate(wanted):
            self._put(row, run)

    def _matches(self, run: RunSummary) -> bool:
        if not self._words:
            return True
        parts = (run.name, run.path.name, *run.about.tags, run.about.notes, STATE_WORDS[run.state])
        text = "\n".join(parts).casefold()
        return all(word in text for word in self._words)

    def _put(self, row: int, run: ListedRun) -> None:
        """Let a run stand in a row; all above it stand where they belong."""
        stays = row < len(self.rows) and self.rows[row].path == run.path
        before = row if stays else self.row_of(run.path)
        if before < 0:
            self.beginInsertRows(_NOWHERE, row, row)
            self.rows.insert(row, run)
            self.endInsertRows()
            return
        if before != row:
            self.beginMoveRows(_NOWHERE, before, before, _NOWHERE, row)
            self.rows.insert(row, self.rows.pop(before))
            self.endMoveRows()
        if self.rows[row] != run:
            self.rows[row] = run
            self.dataChanged.emit(self.index(row), self.index(row))


def standing_words(run: RunSummary) -> str:
    """Return the best figure of a run with the space that it was measured in; nothing before there is one."""
    best = run.best
    return "" if best is None else f"{best.name} {short(best.value)} in {best.space}"


def _described(run: RunSummary) -> str:
    lines = [str(run.path), run.sentence]
    if run.best is not None:
        lines.append(f"Best: {standing_words(run)}, held-out images")
    lines += [", ".join(run.about.tags), run.about.notes[:400]]
    return "\n".join(line for line in lines if line)
