"""The list of the queue: rows that are dragged, and the keys that do the same."""

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QListView

from cfd_studio.gui.models.queue_list import QueueListModel, QueueRow
from cfd_studio.gui.queue_delegate import QueueDelegate


class QueueView(QListView):
    """Shows the entries, one of which is marked.

    Signals
    -------
    chosen_changed
        Another entry is marked, or the marked one has changed.
    move_wanted(str, int)
        The id of an entry and its new place, counted from 0.
    open_wanted, remove_wanted
        Enter or a double click; Del.
    """

    chosen_changed = Signal()
    move_wanted = Signal(str, int)
    open_wanted = Signal()
    remove_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows = QueueListModel()
        self.setModel(self.rows)
        self.setItemDelegate(QueueDelegate(self))
        self.setAccessibleName("Queue")
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragDropMode(QListView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        keys: dict[str, tuple[str, Callable[[], object]]] = {
            "Return": ("Open", self.open_wanted.emit),
            "Alt+Up": ("Move up", self.move_up),
            "Alt+Down": ("Move down", self.move_down),
            "Del": ("Remove", self.remove_wanted.emit),
        }
        for key, (words, act) in keys.items():
            action = QAction(words, self)
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(act)
            self.addAction(action)
        self.rows.dropped.connect(self.move_wanted)
        self.doubleClicked.connect(self.open_wanted)
        self.selectionModel().currentChanged.connect(self.chosen_changed)

    def show_rows(self, rows: list[QueueRow]) -> None:
        """Show the entries; the marked one stays marked wherever it goes, and its neighbour is once it is gone."""
        before = self.chosen
        self.rows.show_rows(rows)
        place = self.rows.place_of(before.entry.id) if before else 0
        if place < 0 and before is not None:
            place = min(before.place - 1, len(rows) - 1)
        if 0 <= place < len(rows) and self.currentIndex().row() != place:
            flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().setCurrentIndex(self.rows.index(place), flag)
        self.chosen_changed.emit()

    @property
    def chosen(self) -> QueueRow | None:
        """The entry that is marked."""
        place = self.currentIndex().row()
        return self.rows.rows[place] if 0 <= place < len(self.rows.rows) else None

    @property
    def last(self) -> int:
        """How many entries there are, which is the place of the last one counted from 1."""
        return len(self.rows.rows)

    def move_up(self) -> None:
        """Move the marked entry one place up."""
        if (row := self.chosen) and row.place > 1:
            self.move_wanted.emit(row.entry.id, row.place - 2)

    def move_down(self) -> None:
        """Move the marked entry one place down."""
        if (row := self.chosen) and row.place < self.last:
            self.move_wanted.emit(row.entry.id, row.place)
