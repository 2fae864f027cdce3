"""Tells a person who looks elsewhere that a run ended or failed."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from cfd_studio.gui.models.words import STATE_WORDS
from cfd_studio.runs.catalog import RunSummary, summarize

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class Notices(QObject):
    """Shows the system's own message where it has one; else the window asks for attention in the task bar."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._run: Path | None = None
        window.controller.ended.connect(self._ended)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.applicationStateChanged.connect(self._turned)

    @Slot(object, str)
    def _ended(self, path: Path, failure: str) -> None:
        if self._window.preferences.settings.notify and not self._window.departure.going:
            self._window.clerk.submit(partial(summarize, path), partial(self._tell, failure))

    def _tell(self, failure: str, run: RunSummary) -> None:
        if QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive:
            return
        state = STATE_WORDS["failed"] if failure else STATE_WORDS.get(run.state, run.state)
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            QApplication.alert(self._window)
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.messageClicked.connect(self._show)
        self._run = run.path
        self._tray.show()
        kinds = QSystemTrayIcon.MessageIcon
        kind = kinds.Warning if state == STATE_WORDS["failed"] else kinds.Information
        self._tray.showMessage(f"{run.name}: {state.lower()}", failure or run.sentence, kind)

    @Slot()
    def _show(self) -> None:
        self._window.activateWindow()
        self._window.raise_()
        if self._run is not None:
            self._window.open_run(self._run)

    @Slot(Qt.ApplicationState)
    def _turned(self, state: Qt.ApplicationState) -> None:
        """Take the icon away once somebody looks: it is there for its message only."""
        if state == Qt.ApplicationState.ApplicationActive and self._tray is not None:
            self._tray.hide()
