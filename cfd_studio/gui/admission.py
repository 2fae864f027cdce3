"""Jobs that a person starts: where their device works already, the queue is offered."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QWidget

from cfd_studio.gui.controller import Controller
from cfd_studio.gui.devices import gpu_count
from cfd_studio.gui.queue_arrivals import QueueArrivals
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.workspace.queue_round import clash, devices_of

QUEUE, ANYWAY = "Add to queue", "Start anyway"
_TEXT = (
    "Two jobs on one device take longer together than one after the other, and may not fit into its memory. In the "
    "queue, the run begins as soon as the device is free."
)


class Admission:
    """Starts jobs as the controller does, but not two on one device without a word.

    Parameters
    ----------
    window : QWidget
    controller : Controller
    arrivals : QueueArrivals
    """

    def __init__(self, window: QWidget, controller: Controller, arrivals: QueueArrivals) -> None:
        self._window = window
        self._controller = controller
        self._arrivals = arrivals
        self._gpus = gpu_count()

    def create(
        self,
        path: Path,
        config: RunConfig,
        request: ExecutionRequest,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Make a run folder and start training in it, or let it wait for its turn."""
        answer = self._ask(path, request)
        if answer == QUEUE:
            self._arrivals.enqueue(path, config, request, refused, show=True)
        elif answer == ANYWAY:
            self._controller.create(path, config, request, refused)

    def start(self, path: Path, request: ExecutionRequest) -> None:
        """Start or resume a run, or let it wait for its turn."""
        answer = self._ask(path, request)
        if answer == QUEUE:
            self._arrivals.enqueue(path, None, request)
        elif answer == ANYWAY:
            self._controller.start(path, request)

    def _ask(self, path: Path, request: ExecutionRequest) -> str | None:
        """Return what a person wants where the device is taken; everybody else is let in."""
        wanted = devices_of(request, self._gpus)
        at_work = self._controller.at_work()
        rivals = [other for other, has in at_work.items() if clash(wanted, devices_of(has, self._gpus))]
        if path in at_work or not rivals:
            return ANYWAY
        title = f"“{rivals[0].name}” works on this device"
        return dialogs.choose(self._window, title, _TEXT, [QUEUE, ANYWAY])
