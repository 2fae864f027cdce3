"""What the buttons of the judge do: evaluations, tables and reports."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cfd_studio.gui.evaluate_dialog import EvaluateDialog
from cfd_studio.protocol.errands import ErrandAnswer, EvaluateErrand
from cfd_studio.protocol.wishes import Wishes

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class Judging(QObject):
    """Has models evaluated, one errand per run at a time, and files written."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._tickets: dict[Path, int] = {}
        panel = window.page.judge
        panel.bar.known_runs = lambda: [(run.path, run.name) for run in window.sidebar.model.runs]
        panel.evaluate_wanted.connect(self._ask)
        panel.evaluation.cancel_wanted.connect(self._cancel)
        panel.save_wanted.connect(self._save_table)
        panel.report_wanted.connect(self._report)

    def evaluates(self, run: Path) -> bool:
        """Tell whether models of a run are being evaluated from here."""
        return run in self._tickets

    @Slot()
    def _ask(self) -> None:
        snapshot = self._window.page.snapshot
        if snapshot is None:
            return
        dialog = EvaluateDialog(self._window, snapshot)
        dialog.wanted.connect(partial(self._evaluate, snapshot.path))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _evaluate(self, run: Path, wishes: Wishes) -> None:
        errand = EvaluateErrand(run, wishes, self._window.preferences.settings.device)
        self._tickets[run] = self._window.errands.send(errand, self._evaluated)
        self._show()

    def _evaluated(self, answer: ErrandAnswer) -> None:
        assert isinstance(answer.errand, EvaluateErrand)
        self._tickets.pop(answer.errand.run, None)
        self._show()
        self._window.say(answer.error or answer.sentence, kind="info" if answer.error is None else "error")

    @Slot()
    def _cancel(self) -> None:
        path = self._window.open_path
        if path is not None and (ticket := self._tickets.pop(path, None)) is not None:
            self._window.errands.withdraw(ticket)
            self._show()

    def _show(self) -> None:
        """Let the panel say at once what is asked for."""
        path = self._window.open_path
        self._window.page.judge.show_evaluating(path is not None and self.evaluates(path))
        self._window.following.nudge()

    @Slot(str, str)
    def _save_table(self, text: str, ending: str) -> None:
        path = self._window.open_path
        self._window.transfers.save_text(text, f"{path.name if path else 'figures'}-figures{ending}")

    @Slot()
    def _report(self) -> None:
        if (path := self._window.open_path) is not None:
            self._window.transfers.save_report(path)
