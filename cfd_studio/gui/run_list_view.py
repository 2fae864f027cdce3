"""The list of runs on the screen: it keeps its place and its mark while runs come, go and change."""

from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtWidgets import QListView

from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.models.run_list import RunListModel
from cfd_studio.gui.run_delegate import RunDelegate


class RunListView(QListView):
    """Rows of runs.

    Signals
    -------
    run_picked(object)
        The path of a run that the person went to.
    resume_wanted(object)
        The path of a lost run that is to go on.
    """

    run_picked = Signal(object)
    resume_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.runs = RunListModel()
        self.setModel(self.runs)
        delegate = RunDelegate(self)
        delegate.resume_wanted.connect(self.resume_wanted)
        self.setItemDelegate(delegate)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Runs")
        self._open: Path | None = None
        self._arranging = False
        self.selectionModel().currentChanged.connect(self._went_to)
        self.clicked.connect(self._clicked)

    def show_runs(self, runs: list[ListedRun]) -> None:
        """Take in how the runs stand now."""
        top = self.indexAt(QPoint(4, 4)) if self.verticalScrollBar().value() else QModelIndex()
        anchor, offset = QPersistentModelIndex(top), self.visualRect(top).top()
        self._arranging = True
        self.runs.show_runs(runs)
        self._arranging = False
        self.select(self._open)
        if anchor.isValid():
            self.doItemsLayout()
            moved = self.visualRect(self.runs.index(anchor.row())).top() - offset
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() + moved)

    def search(self, text: str) -> None:
        """Show only runs that match."""
        self._arranging = True
        self.runs.search(text)
        self._arranging = False
        self.select(self._open)

    def sort_by(self, order: str) -> None:
        """Show the runs in another order, and the one that is open."""
        self._arranging = True
        self.runs.sort_by(order)
        self._arranging = False
        self.select(self._open)
        self.scrollTo(self.currentIndex())

    def select(self, path: Path | None) -> None:
        """Mark a run as open, or none."""
        self._open = path
        row, selection = self.runs.row_of(path), self.selectionModel()
        self._arranging = True
        if row < 0:
            selection.clear()
        elif selection.currentIndex().row() != row or not selection.hasSelection():
            selection.setCurrentIndex(self.runs.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._arranging = False

    def chosen(self) -> Path | None:
        """Return the run that the keyboard is on."""
        return self._run_of(self.currentIndex())

    def run_at(self, place: QPoint) -> Path | None:
        """Return the run at a place of the viewport."""
        return self._run_of(self.indexAt(place))

    def _run_of(self, index: QModelIndex) -> Path | None:
        return self.runs.rows[index.row()].path if index.isValid() else None

    def _went_to(self, index: QModelIndex) -> None:
        if index.isValid() and not self._arranging and self.runs.rows[index.row()].path != self._open:
            self.run_picked.emit(self.runs.rows[index.row()].path)

    def _clicked(self, index: QModelIndex) -> None:
        # A click on the run that is marked already leads back to it from another page.
        self.run_picked.emit(self.runs.rows[index.row()].path)
