"""How runs come into the queue."""

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.controller import Controller
from cfd_studio.gui.queue_keeper import QueueKeeper
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import printable
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.queue import LONGEST_NAME, MOST_ENTRIES, QueueEntry


class QueueArrivals(QObject):
    """Lets runs wait: new ones, whose folder is made at once, and those that exist.

    Signals
    -------
    said(str, str)
        A sentence and its kind.
    created(object, bool)
        The folder of a run that was made to wait, and whether it is to be shown.
    """

    said = Signal(str, str)
    created = Signal(object, bool)

    def __init__(self, keeper: QueueKeeper, controller: Controller, clerk: Clerk) -> None:
        super().__init__(keeper)
        self._keeper = keeper
        self._controller = controller
        self._clerk = clerk

    @Slot(object, object, object)
    def enqueue(
        self,
        path: Path,
        config: RunConfig | None,
        request: ExecutionRequest,
        refused: Callable[[str], None] | None = None,
        *,
        show: bool = False,
    ) -> None:
        """Let a run wait for its turn; with a config, its folder is made first, and ``refused`` is told why not.

        ``show`` turns to a run that was made so; without it, whoever adds runs from the form stays there.
        """
        path = Path(os.path.abspath(path))  # noqa: PTH100, for a link stays what the person chose

        def name() -> str:
            if config is not None:
                RunFolder.create(path, config)
            return RunFolder.open(path).config().name

        def add(name: str) -> None:
            if config is not None:
                self.created.emit(path, show)
            self._add(path, name, request)

        def not_made(error: Exception) -> None:
            (refused or self._refused)(str(error))

        if self._welcomes(path):
            self._clerk.submit(name, add, not_made)

    def enqueue_again(self, path: Path, ask: Callable[[ExecutionPlan | None], ExecutionRequest]) -> None:
        """Let a run that exists wait for its turn; ``ask`` turns its last plan into what is asked this time."""

        def read() -> tuple[str, ExecutionPlan | None]:
            run = RunFolder.open(path)
            return run.config().name, next((plan for job in reversed(run.jobs()) if (plan := job.read_plan())), None)

        def add(seen: tuple[str, ExecutionPlan | None]) -> None:
            name, plan = seen
            self._add(path, name, ask(plan))

        if self._welcomes(path):
            self._clerk.submit(read, add, self._failed)

    def _welcomes(self, path: Path) -> bool:
        entry = self._keeper.queue.of_run(path)
        if not self._keeper.ours:
            self.said.emit(self._keeper.reason, "warning")
        elif path in self._controller.at_work() or (entry is not None and entry.state == "running"):
            self.said.emit("The run is in work already.", "info")
        elif len(self._keeper.queue.entries) >= MOST_ENTRIES:
            self.said.emit(f"The queue holds {MOST_ENTRIES} runs and takes no more; remove some.", "warning")
        else:
            return True
        return False

    def _add(self, path: Path, name: str, request: ExecutionRequest) -> None:
        try:
            entry = QueueEntry(path=path, name=name[:LONGEST_NAME], request=request)
        except ValueError:
            self._refused(f"{printable(str(path))}: the queue takes no such name of a folder. Rename it.")
            return
        self._keeper.add(entry)
        place = len(self._keeper.queue.ready)
        words = f"“{entry.name}” is number {place} in the queue"
        self.said.emit(f"{words}." if self._keeper.going else f"{words}, which is paused.", "info")

    def _failed(self, error: Exception) -> None:
        self._refused(str(error))

    def _refused(self, sentence: str) -> None:
        self.said.emit(sentence, "error")
