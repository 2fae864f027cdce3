"""Closing while a job works: ask, stop or leave running, wait without freezing."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from cfd_studio.gui.widgets import dialogs

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

POLL_MILLISECONDS = 200
ASK_AGAIN_EVERY = 5
STOP, LEAVE, CLOSE = "Stop and keep", "Leave running", "Close"
_QUEUE = " The queue is kept: the next start offers to go on with it."
_ENDS = "It saves a checkpoint and stops; Resume goes on from there another time."
_OUTLIVES = (
    f"A run is being trained in a process of its own. “{LEAVE}” closes only the window; open the run again to watch or "
    f"stop it. “{STOP}” saves a checkpoint and ends the job."
)
_BOTH = (
    "One run is being trained in this window, another in a process of its own. Both can save a checkpoint and stop; "
    f"“{LEAVE}” lets the process go on and stops only what this window trains."
)


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
        controller = self._window.controller
        jobs = controller.jobs_here()
        if not jobs:
            if not self.going and not self._may_leave_queue():
                return False
            self._timer.stop()
            return True
        if not self.going:
            bound = [path for path in jobs if controller.in_window(path)]
            if len(bound) == len(jobs):
                text, answers = f"A run is being trained in this window. {_ENDS}", [STOP]
            else:
                text, answers = (_BOTH if bound else _OUTLIVES), [LEAVE, STOP]
            text += _QUEUE if self._window.queue.queue.entries else ""
            answer = dialogs.choose(self._window, "Close CFD Studio?", text, answers)
            if answer is not None:
                self.begin(leave_running=answer == LEAVE)
        return False

    def _may_leave_queue(self) -> bool:
        """Ask where runs would begin by themselves if the window stayed."""
        queue = self._window.queue
        waiting = len(queue.queue.ready) if queue.going else 0
        if not waiting:
            return True
        runs = "1 run waits" if waiting == 1 else f"{waiting} runs wait"
        text = f"{runs} in the queue, and nothing begins while the window is closed.{_QUEUE}"
        return dialogs.choose(self._window, "Close CFD Studio?", text, [CLOSE]) is not None

    def begin(self, *, leave_running: bool = False) -> None:
        """Stop all jobs, or only those that cannot go on without the window, and close once they have ended."""
        if leave_running:
            self._window.controller.let_go()
        self._window.queue.leave()
        if self._window.controller.jobs_here():
            self._window.page.setEnabled(False)
            self._window.sidebar.setEnabled(False)
            self._window.queue_panel.setEnabled(False)
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
