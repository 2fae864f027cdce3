"""Keeps the queue going: writes it down, and starts what comes next as soon as a device is free."""

import time
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.controller import Controller
from cfd_studio.gui.devices import gpu_count
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.pulse import Pulse
from cfd_studio.workspace.queue import Queue, QueueEntry
from cfd_studio.workspace.queue_file import QueueFile
from cfd_studio.workspace.queue_round import Round, look

LOOK_SECONDS = 2.0


class QueueKeeper(QObject):
    """Holds the queue of this window.

    Signals
    -------
    changed
        The queue is another one, or goes on, or does not.
    said(str, str)
        A sentence and its kind.
    found(int)
        So many runs wait since the program was open the last time; nothing begins before `go`.

    Attributes
    ----------
    going : bool
        Whether entries begin by themselves.
    ours : bool
        Whether this window keeps the queue: one window does.
    reason : str
        Why it does not.
    """

    changed = Signal()
    said = Signal(str, str)
    found = Signal(int)

    def __init__(self, controller: Controller, clerk: Clerk, parent: QObject) -> None:
        super().__init__(parent)
        self._controller = controller
        self._clerk = clerk
        self._file = QueueFile()
        self._pulse = Pulse()
        self._gpus = gpu_count()
        self._elsewhere: tuple[Path, ...] = ()
        self._looking = False
        self._look_at = 0.0
        self.queue = Queue()
        self.going = False
        self.ours = False
        self.reason = "The queue is being read."
        self._new = True
        self._leaving = self._refused = False
        controller.ended.connect(self._ended)
        controller.changed.connect(self._begun)
        clerk.submit(self._file.open, self._opened, self._not_ours)

    def add(self, entry: QueueEntry) -> None:
        """Let a run wait at the end of the queue, in the place of its older entry."""
        self._become(self.queue.with_entry(entry))

    def go(self) -> None:
        """Let entries begin by themselves."""
        self._set_going(True)

    def pause(self) -> None:
        """Let nothing more begin; what works goes on."""
        self._set_going(False)

    def move(self, id: str, place: int) -> None:  # noqa: A002, it is the entry's field
        """Give an entry another place, counted from 0."""
        self._become(self.queue.moved(id, place))

    def remove(self, id: str) -> None:  # noqa: A002
        """Take an entry out; its run stays, and so does a job that works on it."""
        self._become(self.queue.without(id))

    def retry(self, id: str) -> None:  # noqa: A002
        """Let an entry that failed or was stopped wait again."""
        self._become(self.queue.told(id, "waiting"))

    def edit(self, id: str, request: ExecutionRequest, not_before: float) -> None:  # noqa: A002
        """Change what an entry that did not begin yet asks of the machine, and when."""
        self._become(self.queue.changed(id, request=request, not_before=not_before))

    def asked(self, path: Path) -> frozenset[str]:
        """Return ``queued`` of a run that waits for its turn."""
        entry = self.queue.of_run(path)
        return frozenset({"queued"} if entry is not None and entry.ready else ())

    def show_active(self, paths: tuple[Path, ...]) -> None:
        """Take note of the runs in work, by whomever."""
        self._elsewhere = paths

    def leave(self) -> None:
        """Begin nothing more: the window stops its jobs and closes, and they go on at the next start."""
        self.going = False
        self._leaving = True
        queue = self.queue
        for entry in queue.in_state("running"):
            if entry.path in self._controller.at_work():
                queue = queue.told(entry.id, "interrupted", "It was stopped when the window was closed.")
        self._become(queue)

    def close(self) -> None:
        """Give the queue back once everything is written."""
        if self.ours:
            self._clerk.submit(self._file.close)
        self.ours = self._refused = False

    def tick(self) -> None:
        """Look every other second where something may have happened, also to another window's end; called often."""
        if self._looking or time.monotonic() < self._look_at:
            return
        if self._refused:
            self._looking = True
            self._clerk.submit(self._file.open, self._opened, self._not_ours)
        elif self.ours and (self.queue.in_state("running") or (self.going and self.queue.ready)):
            self._looking = True
            here = self._controller.at_work()
            work = partial(look, self.queue, here, self._elsewhere, self._gpus, self._pulse, going=self.going)
            self._clerk.submit(work, partial(self._looked, here), self._not_looked)

    def _looked(self, here: dict[Path, ExecutionRequest], seen: Round) -> None:
        self._rest()
        at_work = self._controller.at_work()
        queue = self.queue.without(*seen.finished)
        for id_, (state, sentence) in seen.told.items():
            entry = queue.find(id_)
            if entry is not None and entry.path not in at_work:
                queue = queue.told(id_, state, sentence or entry.sentence)
        starts = []
        for id_, request in seen.starts if self.going and here == at_work else ():
            entry = queue.find(id_)
            if entry is not None and entry.ready and entry.path not in at_work:
                queue = queue.changed(id_, state="running", sentence="", request=request, not_before=0.0)
                starts.append((entry.path, request))
        self._become(queue)
        for path, request in starts:
            self._controller.start(path, request)
        if here != at_work:  # a person was faster
            self._look_at = 0.0
        self._ask_once()

    def _not_looked(self, error: Exception) -> None:
        self._rest()
        self.pause()
        self.said.emit(f"The queue is paused, for its runs cannot be looked at: {error}", "error")

    def _rest(self) -> None:
        self._looking = False
        self._look_at = time.monotonic() + LOOK_SECONDS

    @Slot(object)
    def _begun(self, path: Path) -> None:
        """Follow a run that a person started past the queue."""
        entry = None if self._leaving else self.queue.of_run(path)
        if entry is not None and entry.state != "running" and path in self._controller.at_work():
            self._become(self.queue.told(entry.id, "running"))

    @Slot(object, str)
    def _ended(self, path: Path, failure: str) -> None:
        self._look_at = 0.0
        entry = self.queue.of_run(path)
        if failure and entry is not None and entry.state == "running":
            self._become(self.queue.told(entry.id, "failed", failure))

    def _not_saved(self, error: Exception) -> None:
        self.said.emit(str(error), "error")

    def _set_going(self, going: bool) -> None:
        self._look_at = 0.0
        if going != self.going and self.ours and not self._leaving:
            self.going = going
            self.changed.emit()

    def _become(self, queue: Queue) -> None:
        self._look_at = 0.0 if queue != self.queue else self._look_at
        if queue != self.queue and self.ours:
            self.queue = queue
            self._clerk.submit(partial(self._file.save, queue), None, self._not_saved)
            self.changed.emit()

    def _opened(self, queue: Queue) -> None:
        self.ours, self._refused, self._looking = True, False, False
        self.queue = queue
        self.changed.emit()
        if not queue.in_state("running"):
            self._ask_once()

    def _ask_once(self) -> None:
        """Where runs wait since the last time, ask before one begins."""
        if not self._new:
            return
        self._new = False
        if waiting := len(self.queue.ready):
            self.found.emit(waiting)
        else:
            self.go()

    def _not_ours(self, error: Exception) -> None:
        self._rest()
        self._refused = not self._leaving
        if self.reason != str(error):
            self.reason = str(error)
            self.changed.emit()
