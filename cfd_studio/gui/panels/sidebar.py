"""The runs at the left, and what begins a new one."""

from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QMenu, QStackedLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.run_list import RunListModel
from cfd_studio.gui.run_delegate import RunDelegate
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.runs.catalog import RunSummary


class Sidebar(QFrame):
    """Lists the runs.

    Signals
    -------
    run_picked(object)
        The path of a run.
    new_wanted, open_wanted, import_wanted, demo_wanted
        The buttons.
    theme_wanted(str)
        ``system``, ``light`` or ``dark``.
    """

    run_picked = Signal(object)
    new_wanted = Signal()
    open_wanted = Signal()
    import_wanted = Signal()
    demo_wanted = Signal()
    theme_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "sidebar")
        self.setFixedWidth(240)
        self.new = Button("New run", icon="plus", role="primary", tip="New run (Ctrl+N)")
        self.open = Button(icon="folder-open", tip="Open run folder… (Ctrl+O)")
        self.take_in = Button(icon="file-import", tip="Import checkpoint… (Ctrl+I)")
        self.model = RunListModel()
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(RunDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Runs")
        self.queue = Button("Queue", icon="list-check", role="ghost", tip="Runs that wait for their turn (Ctrl+J)")
        self.demo = Button("Run the digits demo", icon="play")
        self.appearance = Button(
            "Appearance", icon="circle-half-stroke", role="ghost", tip="Light, dark, or as the system"
        )
        self._theme_actions: dict[str, QAction] = {}
        self.appearance.setMenu(self._theme_menu())
        self._current: Path | None = None
        self._lay_out()
        self.new.clicked.connect(self.new_wanted)
        self.open.clicked.connect(self.open_wanted)
        self.take_in.clicked.connect(self.import_wanted)
        self.demo.clicked.connect(self.demo_wanted)
        self.list.selectionModel().currentChanged.connect(self._picked)
        self.list.clicked.connect(self._clicked)

    def show_runs(self, runs: list[RunSummary]) -> None:
        """Replace the list; what is open stays marked."""
        self.model.show_runs(runs)
        self._front.setCurrentIndex(1 if runs else 0)
        self.select(self._current)

    def select(self, path: Path | None) -> None:
        """Mark a run as open, or none."""
        self._current = path
        row = self.model.row_of(path)
        selection = self.list.selectionModel()
        if row < 0:
            selection.clear()
        elif selection.currentIndex().row() != row:
            selection.setCurrentIndex(self.model.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def show_queue(self, count: int) -> None:
        """Say how many runs are in the queue."""
        words = f"Queue · {count}" if count else "Queue"
        self.queue.setText(words)
        self.queue.setAccessibleName(words)

    def show_theme(self, choice: str) -> None:
        """Tick the choice in the menu."""
        self._theme_actions[choice].setChecked(True)

    def _picked(self, index: QModelIndex) -> None:
        if index.isValid() and self.model.runs[index.row()].path != self._current:
            self.run_picked.emit(self.model.runs[index.row()].path)

    def _clicked(self, index: QModelIndex) -> None:
        # A click on the run that is marked already leads back to it from another page.
        self.run_picked.emit(self.model.runs[index.row()].path)

    def _theme_menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(self)
        for choice, words in (("system", "As the system"), ("light", "Light"), ("dark", "Dark")):
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setData(choice)
            group.addAction(action)
            self._theme_actions[choice] = action
        group.triggered.connect(self._theme_chosen)
        return menu

    def _theme_chosen(self, action: QAction) -> None:
        self.theme_wanted.emit(action.data())

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(16, 16, 16, 8)
        top.setSpacing(8)
        top.addWidget(self.new, 1)
        top.addWidget(self.open)
        top.addWidget(self.take_in)
        empty = QWidget()
        inside = QVBoxLayout(empty)
        inside.setContentsMargins(16, 16, 16, 16)
        inside.setSpacing(12)
        inside.addWidget(label("No runs yet", "section"))
        inside.addWidget(
            label(
                "Every run that you start is kept here, and can be watched, resumed and compared.", "muted", wrap=True
            )
        )
        inside.addWidget(self.demo)
        inside.addStretch(1)
        stack = QWidget()
        self._front = QStackedLayout(stack)
        self._front.addWidget(empty)
        self._front.addWidget(self.list)
        caption = label("RUNS", "caption")
        caption.setContentsMargins(16, 8, 0, 4)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 8, 8, 8)
        foot.addWidget(self.queue)
        foot.addStretch(1)
        foot.addWidget(self.appearance)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(caption)
        column.addWidget(stack, 1)
        column.addLayout(foot)

    def sizeHint(self) -> QSize:
        """Return the fixed width."""
        return QSize(240, 600)
