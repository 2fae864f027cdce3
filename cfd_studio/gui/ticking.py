"""Ten times a second, what the threads behind the window have found out is taken in."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from cfd_studio.gui.models.snapshot import ACTIVE_STATES

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

TICK_MILLISECONDS = 100


class Ticking(QObject):
    """Drains the buffers of a window, from when it is made."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self.timer = QTimer(self)
        self.timer.setInterval(TICK_MILLISECONDS)
        self.timer.timeout.connect(self._tick)
        self.timer.start()

    def stop(self) -> None:
        """Take in nothing any more."""
        self.timer.stop()

    @Slot()
    def _tick(self) -> None:
        window = self._window
        settings = window.preferences.settings
        window.controller.tick()
        window.queue.tick()
        window.awake.want(settings.keep_awake and bool(window.controller.jobs_here()))
        window.side_feeds.tick()
        runs = window.catalog.take()
        if runs is not None:
            summaries = [run.summary for run in runs]
            window.sidebar.show_runs(runs, window.preferences.settings.opened)
            window.welcome.show_runs(runs)
            window.page.curves.overlaid.offer_runs(summaries)
            window.page.compare.show_catalog(summaries)
            window.queue.show_active(tuple(run.path for run in summaries if run.state in ACTIVE_STATES))
        window.following.tick()
