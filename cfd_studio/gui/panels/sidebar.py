"""The runs at the left, as a list or by their lineage, and what begins a new one."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from cfd_studio.gui import theme
from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.lineage_view import LineageView
from cfd_studio.gui.models.lineage import lineage
from cfd_studio.gui.models.run_list import ORDERS
from cfd_studio.gui.recent_menu import RecentMenu
from cfd_studio.gui.run_list_view import RunListView
from cfd_studio.gui.run_verbs import VERBS, RunVerb
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.search_field import SearchField

_EMPTY, _LIST, _NOTHING_FOUND, _LINEAGE = range(4)
_FOUND_BY = "Search by name, folder, tag, note or state (Ctrl+F)"


class Sidebar(QFrame):
    """Lists the runs.

    Signals
    -------
    run_picked(object)
        The path of a run.
    verb_wanted(str, object)
        The key of a `RunVerb`, and the `ListedRun` that it is about.
    forget_wanted(object)
        The paths of runs elsewhere that are to leave the list.
    new_wanted, open_wanted, import_wanted, demo_wanted, home_wanted
        The buttons.
    theme_wanted(str)
        ``system``, ``light`` or ``dark``.
    """

    run_picked = Signal(object)
    verb_wanted = Signal(str, object)
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
        self.search = SearchField("Search runs", _FOUND_BY)
        self.order = Button(icon="arrow-down-wide-short", tip="Order of the runs")
        self.order.setMenu(self._order_menu())
        self.as_list = Button("List", role="toggle", tip="All runs, one below the other")
        self.as_lineage = Button("Lineage", role="toggle", tip="Where each model came from: teacher, students, runs")
        self.list = RunListView()
        self.model = self.list.runs
        self.lineage = LineageView()
        self.demo = Button("Run the digits demo", icon="play")
        self.show_all = Button("Clear the search")
        self.home = Button(icon="house", role="ghost", tip="First page")
        self.appearance = Button(
            "Appearance", icon="circle-half-stroke", role="ghost", tip="Light, dark, or as the system"
        )
        self._theme_actions: dict[str, QAction] = {}
        self.appearance.setMenu(self._theme_menu())
        self._runs: dict[Path, ListedRun] = {}
        self._lay_out()
        self._wire()

    def show_runs(self, runs: list[ListedRun], opened: tuple[Path, ...] = ()) -> None:
        """Take in how the runs stand now, and in which order those elsewhere were opened; places and marks stay."""
        self._runs = {run.path: run for run in runs}
        self.recent.show_runs(runs, opened)
        there = [run for run in runs if run.summary.state != "gone"]
        self.list.show_runs(there)
        self.lineage.show_trees(lineage(run.summary for run in there))
        self._turn()

    def select(self, path: Path | None) -> None:
        """Mark a run as open, or none."""
        self.list.select(path)
        self.lineage.select(path)

    def show_theme(self, choice: str) -> None:
        """Tick the choice in the menu."""
        self._theme_actions[choice].setChecked(True)

    def menu(self, run: ListedRun) -> QMenu:
        """Return what can be done with a run."""
        menu = QMenu(self)
        for verb in VERBS:
            if verb.fits(run):
                if verb.apart:
                    menu.addSeparator()
                keys = f"\t{QKeySequence(verb.shortcut).toString()}" if verb.shortcut else ""
                act = partial(self.verb_wanted.emit, verb.key, run)
                menu.addAction(theme.icon(verb.icon, "muted"), verb.words + keys, act)
        return menu

    def _wire(self) -> None:
        self.new.clicked.connect(self.new_wanted)
        self.take_in.clicked.connect(self.import_wanted)
        self.demo.clicked.connect(self.demo_wanted)
        self.home.clicked.connect(self.home_wanted)
        self.show_all.clicked.connect(self.search.clear)
        self.recent.open_wanted.connect(self.open_wanted)
        self.recent.run_picked.connect(self.run_picked)
        self.recent.forget_wanted.connect(self.forget_wanted)
        self.search.textChanged.connect(self._search)
        self.search.left.connect(self._go_to_found)
        self.as_list.toggled.connect(self._turn)
        self.list.resume_wanted.connect(self._resume)
        for view in (self.list, self.lineage):
            view.run_picked.connect(self.run_picked)
            view.customContextMenuRequested.connect(partial(self._show_menu, view))
            for verb in VERBS:
                if verb.shortcut:
                    key = QShortcut(QKeySequence(verb.shortcut), view, context=Qt.ShortcutContext.WidgetShortcut)
                    key.activated.connect(partial(self._by_key, view, verb))

    def _search(self, text: str) -> None:
        self.as_list.setChecked(True)
        self.list.search(text)
        self._turn()

    def _go_to_found(self) -> None:
        self.list.setFocus()
        if self.list.chosen() is None and self.model.rows:
            self.list.setCurrentIndex(self.model.index(0))

    def _turn(self) -> None:
        """Show what there is to be shown: the list, the lineage, or why there is neither."""
        page = _LIST if self.model.rows else _NOTHING_FOUND
        if not self.model.total:
            page = _EMPTY
        elif self.as_lineage.isChecked():
            page = _LINEAGE
        self._front.setCurrentIndex(page)
        self._tools.setVisible(page != _EMPTY)

    def _listed(self, view: RunListView | LineageView, place: QPoint | None = None) -> ListedRun | None:
        found = (view.run_at(place) if place is not None else None) or view.chosen()
        if found is None:
            return None
        return self._runs.get(found.path if isinstance(found, ListedRun) else found.run)

    def _show_menu(self, view: RunListView | LineageView, place: QPoint) -> None:
        if (run := self._listed(view, place)) is not None:
            menu = self.menu(run)
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(view.viewport().mapToGlobal(place))

    def _by_key(self, view: RunListView | LineageView, verb: RunVerb) -> None:
        run = self._listed(view)
        if run is not None and verb.fits(run):
            self.verb_wanted.emit(verb.key, run)

    def _resume(self, path: Path) -> None:
        self.verb_wanted.emit("resume", self._runs[path])

    def _order_menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(self)
        for words in ORDERS:
            action = menu.addAction(words)
            action.setCheckable(True)
            group.addAction(action)
        group.actions()[0].setChecked(True)
        group.triggered.connect(self._order_chosen)
        return menu

    def _order_chosen(self, action: QAction) -> None:
        self.list.sort_by(action.text())

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
        stack = QWidget()
        self._front = QStackedLayout(stack)
        for page in (self._empty(), self.list, self._nothing_found(), self.lineage):
            self._front.addWidget(page)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 8, 8, 8)
        foot.addWidget(self.home)
        foot.addWidget(self.appearance)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._tool_rows())
        column.addWidget(stack, 1)
        column.addLayout(foot)

    def _tool_rows(self) -> QWidget:
        find = QHBoxLayout()
        find.setSpacing(8)
        find.addWidget(self.search, 1)
        find.addWidget(self.order)
        views = QHBoxLayout()
        views.setSpacing(8)
        group = QButtonGroup(self)
        for button in (self.as_list, self.as_lineage):
            group.addButton(button)
            views.addWidget(button, 1)
        self.as_list.setChecked(True)
        self._tools = QWidget()
        rows = QVBoxLayout(self._tools)
        rows.setContentsMargins(16, 4, 16, 8)
        rows.setSpacing(8)
        rows.addLayout(find)
        rows.addLayout(views)
        return self._tools

    def _empty(self) -> QWidget:
        words = "Every run that you start is kept here, and can be watched, resumed and compared."
        return _page("No runs yet", words, self.demo)

    def _nothing_found(self) -> QWidget:
        words = "The search looks at names, folders, tags, notes and states. All words must occur."
        return _page("No run matches", words, self.show_all)

    def sizeHint(self) -> QSize:
        """Return the fixed width."""
        return QSize(240, 600)


def _page(head: str, words: str, button: Button) -> QWidget:
    page = QWidget()
    inside = QVBoxLayout(page)
    inside.setContentsMargins(16, 16, 16, 16)
    inside.setSpacing(12)
    inside.addWidget(label(head, "section"))
    inside.addWidget(label(words, "muted", wrap=True))
    inside.addWidget(button)
    inside.addStretch(1)
    return page
