"""What all models of a run are worth: the frontier of quality and cost, and every figure in a table."""

from collections.abc import Hashable
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from cfd_studio.gui.evaluation_line import EvaluationLine
from cfd_studio.gui.frontier_card import FrontierCard
from cfd_studio.gui.judge_bar import JudgeBar
from cfd_studio.gui.judge_marks import marker
from cfd_studio.gui.models.judged import Entry, entries_of, sheet_of
from cfd_studio.gui.models.judged_columns import columns_of
from cfd_studio.gui.models.judged_table import JudgedOrder, JudgedTable
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.table_text import as_csv, as_markdown, as_tabs
from cfd_studio.gui.side_feeds import SideFeeds
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.figure_view import FigureView
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.protocol.measures import measures_of

_NOTHING = "Figures appear as soon as a model is trained and judged."
_UNJUDGED = "No model of this run was judged. Evaluate measures those that are trained."
WHO = "judge"
_FILES = {"csv": (as_csv, ".csv"), "markdown": (as_markdown, ".md")}


class JudgePanel(QWidget):
    """Shows plot and table, whose selections are one.

    Signals
    -------
    compare_wanted(object)
        The `Sheet` that draws the selected models.
    evaluate_wanted
        More is to be measured.
    save_wanted(str, str)
        A table as text, and the ending of its file.
    report_wanted
        A report of the run.
    """

    compare_wanted = Signal(object)
    evaluate_wanted = Signal()
    save_wanted = Signal(str, str)
    report_wanted = Signal()

    def __init__(self, side_feeds: SideFeeds) -> None:
        super().__init__()
        self._side_feeds = side_feeds
        self._snapshot: RunSnapshot | None = None
        self._path: Path | None = None
        self._evaluating = False
        self.bar = JudgeBar()
        self.evaluation = EvaluationLine()
        self.card = FrontierCard()
        self.plot = self.card.plot
        self.table = JudgedTable(self._icon)
        self.order = JudgedOrder(self.table, self)
        self.view = FigureView(self.order)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: stage, kind, steps, sampler")
        self.filter.setAccessibleName("Filter the table")
        self.filter.setToolTip("Rows that hold all of these words")
        self.filter.setClearButtonEnabled(True)
        self.filter.setFixedWidth(264)
        self.words = ElidedLabel("", "faint", Qt.TextElideMode.ElideRight)
        self.compare = Button("Show in Compare", icon="images", tip="Draw the selected models side by side")
        self.nothing = label(_NOTHING, "muted", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        self.bar.changed.connect(self._show)
        self.bar.runs_changed.connect(self._want_runs)
        self.bar.evaluate_wanted.connect(self.evaluate_wanted)
        self.bar.export_wanted.connect(self._export)
        side_feeds.changed.connect(self._show)
        self.filter.textChanged.connect(self.order.show_only)
        self.compare.clicked.connect(self._compare)
        self.plot.picked.connect(self._pick)
        self.plot.opened.connect(self._open_point)
        self.table.modelReset.connect(self.view.fit)
        self.view.selectionModel().selectionChanged.connect(self._selected)
        self.view.activated.connect(self._compare)
        self._selected()

    def reset(self) -> None:
        """Make room for another run."""
        self._snapshot = self._path = None
        self.filter.clear()
        self.bar.reset()

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Show what is measured so far."""
        self._snapshot, self._path = snapshot, snapshot.path
        self.bar.show_run(snapshot.path)
        self._show()

    def show_evaluating(self, evaluating: bool) -> None:
        """Say whether more is being measured, from this window, and how far it is."""
        self._evaluating = evaluating
        status = self._snapshot.measuring if self._snapshot else None
        self.evaluation.show_progress(evaluating, status)
        self._enable()

    def chosen(self) -> list[Entry]:
        """Return the selected models, in the order in which they are seen."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        shown = self.order.shown()
        return [shown[row] for row in rows if shown[row].judgement is not None]

    def _enable(self) -> None:
        snapshot = self._snapshot
        ready = snapshot is not None and _trained(snapshot) and snapshot.config.data.name != "none"
        self.bar.evaluate.setEnabled(ready and not self._evaluating)

    def _snapshots(self) -> list[RunSnapshot]:
        beside = [self._side_feeds.snapshots.get(path) for path in sorted(self.bar.beside)]
        return [one for one in (self._snapshot, *beside) if one is not None]

    def _show(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        snapshots = self._snapshots()
        entries = entries_of(snapshots)
        figures = (figure for entry in entries for figure in entry.figures)
        measures = measures_of(figures, snapshot.config.evaluation.main_space, self.bar.reference)
        judges = frozenset(one.config.evaluation.judge for one in snapshots if one.config.evaluation.judge)
        self.bar.show_measures(measures)
        self.evaluation.show_progress(self._evaluating, snapshot.measuring)
        self._enable()
        self.nothing.setText(_UNJUDGED if _trained(snapshot) else _NOTHING)
        self._front.setCurrentIndex(1 if any(entry.judgement for entry in entries) else 0)
        self.table.show_entries(entries, columns_of(entries, measures, judges))
        self.card.show_entries(entries, self.bar.chosen, *self.bar.cost, self._path)
        self.words.set_whole(_words(snapshots))

    def _icon(self, entry: Entry) -> QIcon | None:
        mark = marker(entry, self._path)
        return mark.icon() if mark else None

    def _selected(self) -> None:
        chosen = self.chosen()
        self.plot.choose({entry.key for entry in chosen})
        self.compare.setEnabled(bool(chosen))

    def _pick(self, key: Hashable, more: bool) -> None:
        """Select the row of a point, or add it to those that are selected."""
        index = self._index_of(key)
        if index.isValid():
            mode = QItemSelectionModel.SelectionFlag
            how = mode.Toggle if more else mode.ClearAndSelect
            self.view.selectionModel().setCurrentIndex(index, how | mode.Rows)
            self.view.scrollTo(index)
        self.view.setFocus()

    def _index_of(self, key: Hashable) -> QModelIndex:
        shown = self.order.shown()
        return next((self.order.index(row, 0) for row, entry in enumerate(shown) if entry.key == key), QModelIndex())

    def _open_point(self, key: Hashable) -> None:
        self._pick(key, False)
        self._compare()

    def _compare(self) -> None:
        if chosen := self.chosen():
            self.compare_wanted.emit(sheet_of(chosen))

    def _want_runs(self) -> None:
        self._side_feeds.want(WHO, self.bar.beside)
        self._show()

    def _export(self, what: str) -> None:
        if what == "report":
            self.report_wanted.emit()
            return
        shown = (self.order.shown(), self.table.columns, self.bar.reference)
        if what == "copy":
            QGuiApplication.clipboard().setText(as_tabs(*shown))
        else:
            write, ending = _FILES[what]
            self.save_wanted.emit(write(*shown), ending)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(12)
        tools.addWidget(self.filter)
        tools.addWidget(self.words, 1)
        tools.addWidget(self.compare)
        tools.addWidget(self.bar.export)
        below = QWidget()
        rows = QVBoxLayout(below)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        rows.addLayout(tools)
        rows.addWidget(self.view, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("judge")
        split.setHandleWidth(12)
        split.setChildrenCollapsible(False)
        split.addWidget(self.card)
        split.addWidget(below)
        split.setSizes([500, 500])
        stack = QWidget()
        self._front = QStackedLayout(stack)
        self._front.addWidget(self.nothing)
        self._front.addWidget(split)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.bar)
        column.addWidget(self.evaluation)
        column.addWidget(stack, 1)


def _trained(snapshot: RunSnapshot) -> bool:
    return any(snapshot.stages[stage.id].trained for stage in snapshot.config.diffusion_stages())


def _words(snapshots: list[RunSnapshot]) -> str:
    """Return what must be known to read the figures."""
    evaluation = snapshots[0].config.evaluation
    words = f"{evaluation.samples:,} samples unless said. "
    if evaluation.judge is not None:
        words += f"The judge is “{evaluation.judge}”, which takes no part in distillation. "
    if len({one.config.data.name for one in snapshots}) > 1:
        words += "These runs have other images: their figures do not compare."
    return words.strip()
