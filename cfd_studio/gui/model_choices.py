"""Which models are compared: those of the open run, and of runs that are set beside it."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from cfd_studio.gui.models.comparison import ModelKey, ModelRow
from cfd_studio.gui.side_feeds import MOST_RUNS
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.gui.widgets.scrolled import scrolled
from cfd_studio.gui.widgets.tick import Tick
from cfd_studio.runs.catalog import RunSummary


class ModelChoices(QWidget):
    """A list of ticks, run by run, that scrolls by itself.

    Signals
    -------
    runs_wanted(object)
        The folders of the runs that are to stand beside the open one, as a frozenset.
    """

    runs_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.ticks: dict[ModelKey, Tick] = {}
        self.beside: frozenset[Path] = frozenset()
        self._open: Path | None = None
        self._catalog: list[RunSummary] = []
        self._touched = False
        self._shown: list[tuple[ModelKey, str]] = []
        self._parts: list[QWidget] = []
        self.add = Button("Add run", icon="plus", role="ghost", tip="Set the models of another run beside these")
        self.add.setProperty("small", True)
        self.add.clicked.connect(self._ask)
        self._inner = QWidget()
        self._inner.setProperty("role", "page")
        self._column = QVBoxLayout(self._inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        scroll = scrolled(self._inner, upright=True)
        head = QHBoxLayout()
        head.setContentsMargins(6, 0, 0, 0)
        head.addWidget(label("MODELS", "caption"), 1)
        head.addWidget(self.add)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addLayout(head)
        whole.addWidget(scroll, 1)

    def show_rows(self, path: Path, rows: list[ModelRow]) -> None:
        """Offer models; one of the open run is ticked once it is trained, unless one was unticked."""
        if path != self._open:
            self._open, self._touched = path, False
        shown = [(row.key, row.run_name) for row in rows]
        if shown != self._shown:
            self._shown = shown
            self._rebuild(rows)
        alone = {run for run in self.beside if sum(row.key.run == run for row in rows) == 1}
        for row in rows:
            tick = self.ticks[row.key]
            if tick.isEnabled() != row.ready:
                tick.setEnabled(row.ready)
                if row.ready and not self._touched and (row.key.run == path or row.key.run in alone):
                    tick.setChecked(True)
            steps = f"{row.own_steps} step{'s' if row.own_steps != 1 else ''}"
            tick.set_trailing(steps if row.ready else "not trained")

    def show_catalog(self, runs: list[RunSummary]) -> None:
        """Take the runs that can be set beside the open one."""
        self._catalog = runs

    def chosen(self) -> list[ModelKey]:
        """Return the ticked models that are trained."""
        return [key for key, tick in self.ticks.items() if tick.isEnabled() and tick.isChecked()]

    def choose(self, keys: list[ModelKey]) -> None:
        """Tick these and no others."""
        self._touched = True
        for key, tick in self.ticks.items():
            tick.setChecked(key in keys)

    def set_beside(self, runs: frozenset[Path]) -> None:
        """Set other runs beside the open one."""
        if runs != self.beside:
            self.beside = runs
            self.runs_wanted.emit(runs)

    def menu(self) -> QMenu:
        """Return the runs that can be added or taken away."""
        menu = QMenu(self)
        others = [run for run in self._catalog if run.path != self._open and run.stages_done]
        for run in others:
            action = menu.addAction(run.name)
            action.setToolTip(str(run.path))
            action.setCheckable(True)
            action.setChecked(run.path in self.beside)
            action.setEnabled(run.path in self.beside or len(self.beside) < MOST_RUNS)
            action.triggered.connect(partial(self._toggle, run.path))
        if not others:
            menu.addAction("No other run has a trained model").setEnabled(False)
        menu.setToolTipsVisible(True)
        return menu

    def _toggle(self, run: Path) -> None:
        self.set_beside(self.beside ^ {run})

    def _ask(self) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.add.mapToGlobal(self.add.rect().bottomLeft()))

    def _rebuild(self, rows: list[ModelRow]) -> None:
        before = {key: (tick.isEnabled(), tick.isChecked()) for key, tick in self.ticks.items()}
        for part in self._parts:
            part.hide()
            part.deleteLater()
        self.ticks, self._parts = {}, []
        run = self._open
        for row in rows:
            if row.key.run != run:
                run = row.key.run
                self._add(self._run_head(run, row.run_name))
            tick = self.ticks[row.key] = Tick(row.title)
            tick.setToolTip(f"{row.words} of {row.run_name}")
            enabled, checked = before.get(row.key, (False, False))
            tick.setEnabled(enabled)
            tick.setChecked(checked)
            tick.clicked.connect(self._touch)
            self._add(tick)

    def _run_head(self, run: Path, name: str) -> QWidget:
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(6, 6, 0, 0)
        words = ElidedLabel("", "faint")
        words.set_whole(name)
        words.setToolTip(str(run))
        away = Button("", icon="xmark", role="ghost", tip=f"Take the models of {name} away")
        away.setProperty("small", True)
        away.clicked.connect(partial(self._toggle, run))
        row.addWidget(words, 1)
        row.addWidget(away)
        return head

    def _add(self, part: QWidget) -> None:
        self._column.insertWidget(self._column.count() - 1, part)
        self._parts.append(part)

    def _touch(self) -> None:
        self._touched = True
