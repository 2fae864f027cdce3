"""Closing while a job works: ask, stop, wait without freezing."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from cfd_studio.gui.widgets import dialogs

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

POLL_MILLISECONDS = 200
ASK_AGAIN_EVERY = 5


class Departure(QObject):
    """Decides whether the window may close."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._ticks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.timeout.connect(self._look)

    @property
    def going(self) -> bool:
        """Whether the window closes as soon as its jobs have ended."""
        return self._timer.isActive()

    def may_close(self) -> bool:
        """Return whether nothing works here; where something does, ask, and close later if the person agrees."""
        jobs = self._window.controller.jobs_here()
        if not jobs:
            self._timer.stop()
            return True
        if not self.going:
            text = (
                "A run is being trained in this window. It saves a checkpoint and stops; Resume goes on from there "
                "another time."
            )
            if dialogs.ask(self._window, "Close CFD Studio?", text, "Stop and keep"):
                self.begin()
        return False

    def begin(self) -> None:
        """Stop all jobs and close once they have ended."""
        self._window.page.setEnabled(False)
        self._window.sidebar.setEnabled(False)
        self._window.say("Saving and stopping. The window closes by itself.", kind="info")
        self._window.controller.stop_everything()
        self._ticks = 0
        self._timer.start()

    @Slot()
    def _look(self) -> None:
        self._ticks += 1
        if not self._window.controller.jobs_here():
            self._window.close()
        elif self._ticks % ASK_AGAIN_EVERY == 0:
            self._window.controller.stop_everything()
