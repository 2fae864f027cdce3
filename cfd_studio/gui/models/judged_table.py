"""All quality figures of one or more runs as a table that sorts and filters."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QFont, QIcon

from cfd_studio.gui import theme
from cfd_studio.gui.models.judged import FLOOR, Entry
from cfd_studio.gui.models.judged_columns import Column
from cfd_studio.gui.models.words import figure_lines

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
SORT_ROLE = Role.UserRole + 1
_NOWHERE = QModelIndex()
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class JudgedTable(QAbstractTableModel):
    """One row per classifier, one per model and way, and the floor.

    Parameters
    ----------
    mark : callable
        The icon that an entry has in the plot, or None.
    """

    def __init__(self, mark: Callable[[Entry], QIcon | None]) -> None:
        super().__init__()
        self._mark = mark
        self.entries: list[Entry] = []
        self.columns: list[Column] = []
        self._best: dict[int, float] = {}
        self._texts: list[tuple[str, ...]] = []

    def show_entries(self, entries: list[Entry], columns: list[Column]) -> None:
        """Fill the table; nothing happens where it would look the same."""
        texts = [tuple(column.text(entry) for column in columns) for entry in entries]
        headings = [column.heading for column in columns]
        same = texts == self._texts and headings == [column.heading for column in self.columns]
        if same and [entry.key for entry in entries] == [entry.key for entry in self.entries]:
            return
        self.beginResetModel()
        self.entries, self.columns, self._texts = entries, columns, texts
        self._best = {at: best for at, column in enumerate(columns) if (best := _best(entries, column)) is not None}
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> object:
        """Return what a cell shows, sorts by, and looks like."""
        answer = _ROLES.get(role)
        return answer(self, index.row(), index.column()) if answer else None

    def headerData(self, section: int, side: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        """Return a heading or its tooltip."""
        if side != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        answers: dict[int, object] = {
            Role.DisplayRole: column.heading,
            Role.ToolTipRole: f"{column.tip}. A click sorts.",
            Role.TextAlignmentRole: _LEFT if self._is_text(section) else _RIGHT,
        }
        return answers.get(role)

    def is_best(self, row: int, column: int) -> bool:
        """Tell whether no other model is better in a column."""
        value = self.columns[column].value(self.entries[row])
        return self.entries[row].judgement is not None and value is not None and value == self._best.get(column)

    def _is_text(self, column: int) -> bool:
        return self.columns[column].value is self.columns[column].text

    def _text(self, row: int, column: int) -> object:
        return self._texts[row][column]

    def _value(self, row: int, column: int) -> object:
        return self.columns[column].value(self.entries[row])

    def _alignment(self, _row: int, column: int) -> object:
        return _LEFT if self._is_text(column) else _RIGHT

    def _font(self, row: int, column: int) -> object:
        return theme.font(13, QFont.Weight.Bold, tabular=True) if self.is_best(row, column) else None

    def _colour(self, row: int, column: int) -> object:
        if self.is_best(row, column):
            return theme.color("good")
        return theme.color("muted") if self.entries[row].judgement is None else None

    def _decoration(self, row: int, column: int) -> object:
        return self._mark(self.entries[row]) if column == 0 else None

    def _tip(self, row: int, column: int) -> object:
        lines = figure_lines(judgement) if (judgement := self.entries[row].judgement) else []
        return "\n".join([*(["The best of this column."] if self.is_best(row, column) else []), *lines]) or None


_ROLES: dict[int, Callable[[JudgedTable, int, int], object]] = {
    Role.DisplayRole: JudgedTable._text,
    SORT_ROLE: JudgedTable._value,
    Role.TextAlignmentRole: JudgedTable._alignment,
    Role.FontRole: JudgedTable._font,
    Role.ForegroundRole: JudgedTable._colour,
    Role.DecorationRole: JudgedTable._decoration,
    Role.ToolTipRole: JudgedTable._tip,
}


class JudgedOrder(QSortFilterProxyModel):
    """Sorts numbers as numbers, and keeps the floor below everything and what has no value below what has one."""

    def __init__(self, table: JudgedTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = table
        self._wanted: list[str] = []
        self.setSourceModel(table)
        self.setSortRole(SORT_ROLE)

    def show_only(self, text: str) -> None:
        """Show the rows that hold every one of these words."""
        self._wanted = text.casefold().split()
        self.invalidate()

    def shown(self) -> list[Entry]:
        """Return the entries in the order in which they are seen."""
        return [self.table.entries[self.mapToSource(self.index(row, 0)).row()] for row in range(self.rowCount())]

    def lessThan(self, left: Index, right: Index) -> bool:
        """Compare two cells of a column."""
        descending = self.sortOrder() == Qt.SortOrder.DescendingOrder
        ranks = [self._rank(index) for index in (left, right)]
        if ranks[0] != ranks[1]:
            return (ranks[0] < ranks[1]) != descending
        values = [index.data(SORT_ROLE) for index in (left, right)]
        return bool(values[0] < values[1]) if None not in values else False

    def filterAcceptsRow(self, row: int, _parent: Index) -> bool:
        """Tell whether a row is shown; the floor always is."""
        entry = self.table.entries[row]
        way = entry.judgement.way if entry.judgement else ()
        words = " ".join(map(str, (entry.run_name, entry.stage, entry.words, *way))).casefold()
        return entry.kind == FLOOR or all(word in words for word in self._wanted)

    def _rank(self, index: Index) -> int:
        if self.table.entries[index.row()].kind == FLOOR:
            return 2
        return 1 if index.data(SORT_ROLE) is None else 0


def _best(entries: Sequence[Entry], column: Column) -> float | None:
    values = [value for entry in entries if entry.judgement and isinstance(value := column.value(entry), float | int)]
    if not column.better or len(values) < 2:
        return None
    return max(values) if column.better > 0 else min(values)
