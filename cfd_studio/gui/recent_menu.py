"""The menu of runs that lie elsewhere: opened once, and found again."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from cfd_studio.gui.catalog_feed import ListedRun

_LONGEST = 56


class RecentMenu(QMenu):
    """Opens a run folder: another one, or one of those opened last. Those that are gone are grey and can be removed.

    Signals
    -------
    open_wanted
        A folder is to be chosen.
    run_picked(object)
        The path of a run.
    forget_wanted(object)
        The paths of runs to be forgotten.
    """

    open_wanted = Signal()
    run_picked = Signal(object)
    forget_wanted = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._runs: list[ListedRun] = []
        self._opened: tuple[Path, ...] = ()
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._fill)

    def show_runs(self, runs: list[ListedRun], opened: tuple[Path, ...]) -> None:
        """Take in how the runs stand now, and in which order those elsewhere were opened."""
        self._runs, self._opened = runs, opened

    def _fill(self) -> None:
        self.clear()
        self.addAction("Open run folder…\tCtrl+O", self.open_wanted.emit)
        known = {run.path: run for run in self._runs if run.elsewhere}
        recent = [known[path] for path in self._opened if path in known]
        if not recent:
            return
        self.addSeparator()
        for run in recent:
            gone = run.summary.state == "gone"
            path = str(run.path)
            shown = path if len(path) <= _LONGEST else f"…{path[1 - _LONGEST :]}"
            words = f"{run.summary.name}  ·  {shown}".replace("&", "&&")
            action = self.addAction(words + ("  (gone)" if gone else ""), partial(self.run_picked.emit, run.path))
            action.setEnabled(not gone)
            action.setToolTip(run.summary.sentence if gone else path)
        self.addSeparator()
        lost = [run.path for run in recent if run.summary.state == "gone"]
        remove = self.addAction("Remove those that are gone", partial(self.forget_wanted.emit, lost))
        remove.setEnabled(bool(lost))
        self.addAction("Remove all of these", partial(self.forget_wanted.emit, [run.path for run in recent]))
