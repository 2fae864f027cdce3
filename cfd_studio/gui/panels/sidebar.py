"""The left side: what begins a run, the runs, and how the window looks."""

from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QVBoxLayout

from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.recent_menu import RecentMenu
from cfd_studio.gui.run_browser import RunBrowser
from cfd_studio.gui.widgets.buttons import Button


class Sidebar(QFrame):
    """Holds the browser of runs between what makes new ones and what is the window's own.

    Signals
    -------
    run_picked(object)
        The path of a run.
    forget_wanted(object)
        The paths of runs elsewhere that are to leave the list.
    new_wanted, open_wanted, import_wanted, demo_wanted, home_wanted
        The buttons.
    theme_wanted(str)
        ``system``, ``light`` or ``dark``.
    """

    run_picked = Signal(object)
    forget_wanted = Signal(object)
    new_wanted = Signal()
    open_wanted = Signal()
    import_wanted = Signal()
    demo_wanted = Signal()
    home_wanted = Signal()
    theme_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "sidebar")
        self.setFixedWidth(240)
        self.new = Button("New run", icon="plus", role="primary", tip="New run (Ctrl+N)")
        self.open = Button(icon="folder-open", tip="Open a run folder (Ctrl+O), or one that was opened before")
        self.recent = RecentMenu(self)
        self.open.setMenu(self.recent)
        self.take_in = Button(icon="file-import", tip="Import checkpoint… (Ctrl+I)")
        self.browser = RunBrowser()
        self.model = self.browser.list.runs
        self.home = Button(icon="house", role="ghost", tip="First page")
        self.queue = Button("Queue", icon="list-check", role="ghost", tip="Runs that wait for their turn (Ctrl+J)")
        self.appearance = Button(icon="circle-half-stroke", role="ghost", tip="Appearance: light, dark or the system's")
        self._theme_actions: dict[str, QAction] = {}
        self.appearance.setMenu(self._theme_menu())
        self._lay_out()
        self.new.clicked.connect(self.new_wanted)
        self.take_in.clicked.connect(self.import_wanted)
        self.home.clicked.connect(self.home_wanted)
        self.recent.open_wanted.connect(self.open_wanted)
        self.recent.run_picked.connect(self.run_picked)
        self.recent.forget_wanted.connect(self.forget_wanted)
        self.browser.run_picked.connect(self.run_picked)
        self.browser.demo_wanted.connect(self.demo_wanted)

    def show_runs(self, runs: list[ListedRun], opened: tuple[Path, ...]) -> None:
        """Take in how the runs stand now, and in which order those elsewhere were opened."""
        self.recent.show_runs(runs, opened)
        self.browser.show_runs(runs)

    def select(self, path: Path | None) -> None:
        """Mark a run as open, or none."""
        self.browser.select(path)

    def show_queue(self, count: int) -> None:
        """Say how many runs are in the queue."""
        words = f"Queue · {count}" if count else "Queue"
        self.queue.setText(words)
        self.queue.setAccessibleName(words)

    def show_theme(self, choice: str) -> None:
        """Tick the choice in the menu."""
        self._theme_actions[choice].setChecked(True)

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
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 8, 8, 8)
        foot.addWidget(self.home)
        foot.addWidget(self.queue)
        foot.addStretch(1)
        foot.addWidget(self.appearance)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.browser, 1)
        column.addLayout(foot)

    def sizeHint(self) -> QSize:
        """Return the fixed width."""
        return QSize(240, 600)
