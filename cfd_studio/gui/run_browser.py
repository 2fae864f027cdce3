"""Where a person looks for a run: the search, the list or the lineage, and what can be done with what is found."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.lineage_view import LineageView
from cfd_studio.gui.models.run_list import ORDERS
from cfd_studio.gui.run_list_view import RunListView
from cfd_studio.gui.run_verbs import VERBS, RunVerb
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.search_field import SearchField

_EMPTY, _LIST, _NOTHING_FOUND, _LINEAGE = range(4)
_FOUND_BY = "Search by name, folder, tag, note or state (Ctrl+F)"


class RunBrowser(QWidget):
    """The runs as a list, or as a tree by where their models come from.

    Signals
    -------
    run_picked(object)
        The path of a run.
    verb_wanted(str, object)
        The key of a `RunVerb`, and the `ListedRun` that it is about.
    demo_wanted
        There is no run yet, and the demo is to be the first.
    """

    run_picked = Signal(object)
    verb_wanted = Signal(str, object)
    demo_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.search = SearchField("Search runs", _FOUND_BY)
        self.order = Button(icon="arrow-down-wide-short", tip="Order of the runs")
        self.order.setMenu(self._order_menu())
        self.as_list = Button("List", role="toggle", tip="All runs, one below the other")
        self.as_lineage = Button("Lineage", role="toggle", tip="Where each model came from: teacher, students, runs")
        self.list = RunListView()
        self.lineage = LineageView()
        self.demo = Button("Run the digits demo", icon="play")
        self.show_all = Button("Clear the search")
        self._runs: dict[Path, ListedRun] = {}
        self._lay_out()
        self._wire()

    def show_runs(self, runs: list[ListedRun]) -> None:
        """Take in how the runs stand now; places and marks stay."""
        self._runs = {run.path: run for run in runs if run.summary.state != "gone"}
        self.list.show_runs(list(self._runs.values()))
        self._turn()

    def select(self, path: Path | None) -> None:
        """Mark a run as open, or none."""
        self.list.select(path)
        self.lineage.select(path)

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
        self.demo.clicked.connect(self.demo_wanted)
        self.show_all.clicked.connect(self.search.clear)
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
        if self.list.chosen() is None and self.list.runs.rows:
            self.list.setCurrentIndex(self.list.runs.index(0))

    def _turn(self) -> None:
        """Show what there is to be shown: the list, the lineage, or why there is neither."""
        page = _LIST if self.list.runs.rows else _NOTHING_FOUND
        if not self._runs:
            page = _EMPTY
        elif self.as_lineage.isChecked():
            page = _LINEAGE
            self.lineage.show_runs([run.summary for run in self._runs.values()])
        self._front.setCurrentIndex(page)
        self._tools.setVisible(page != _EMPTY)

    def _listed(self, view: RunListView | LineageView, place: QPoint | None = None) -> ListedRun | None:
        found = (view.run_at(place) if place is not None else None) or view.chosen()
        return None if found is None else self._runs.get(found)

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
        self.as_list.setChecked(True)
        self.list.sort_by(action.text())

    def _lay_out(self) -> None:
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
        first = "Every run that you start is kept here, and can be watched, resumed and compared."
        no_match = "The search looks at names, folders, tags, notes and states. All words must occur."
        stack = QWidget()
        self._front = QStackedLayout(stack)
        for page in (
            _page("No runs yet", first, self.demo),
            self.list,
            _page("No run matches", no_match, self.show_all),
            self.lineage,
        ):
            self._front.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._tools)
        column.addWidget(stack, 1)


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
