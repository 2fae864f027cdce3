"""What the window does with runs: create, start, command. It remembers what was asked and not yet answered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.launcher import JobHandle, Launcher
from cfd_studio.runs.status import read_status

START = "start"


@dataclass
class _Watch:
    """What the controller knows of one run."""

    handle: JobHandle | None = None
    request: ExecutionRequest = field(default_factory=ExecutionRequest)
    starting: bool = False
    notice: str = ""
    asked: dict[Verb, Command] = field(default_factory=dict)
    snapshot: RunSnapshot | None = None


class Controller(QObject):
    """Turns clicks into jobs and commands.

    Signals
    -------
    changed(object)
        The path of a run for which something was asked, answered or begun.
    failed(object, str, str)
        Path of the run (or None), a sentence, details.
    created(object)
        The path of a run that now exists.
    too_late(object)
        The path of a run that had ended before a command reached it.
    moved(object)
        The path of a run whose job got a process of its own though the window was asked for.
    ended(object, str)
        The path of a run on which a job of this window ended, and why it could not even begin.
    """

    changed = Signal(object)
    failed = Signal(object, str, str)
    created = Signal(object)
    too_late = Signal(object)
    moved = Signal(object)
    ended = Signal(object, str)

    def __init__(self, launcher: Launcher, clerk: Clerk) -> None:
        super().__init__()
        self._launcher = launcher
        self._clerk = clerk
        self._runs: dict[Path, _Watch] = {}

    def create(
        self,
        path: Path,
        config: RunConfig,
        request: ExecutionRequest,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Make a run folder and start training in it; ``refused`` is told why the folder cannot be made."""

        def made(folder: RunFolder) -> None:
            self.created.emit(folder.path)
            self.start(folder.path, request)

        def not_made(error: Exception) -> None:
            if refused is not None:
                refused(str(error))
            else:
                self.failed.emit(None, str(error), "")

        self._clerk.submit(partial(RunFolder.create, path, config), made, not_made)

    def start(self, path: Path, request: ExecutionRequest) -> None:
        """Start or resume a run; a second start while one is on its way does nothing."""
        watch = self._watch(path)
        if watch.starting or (watch.handle is not None and watch.handle.alive):
            return
        try:
            watch.handle = self._launcher.start(RunFolder(path), request)
        except Exception as error:
            sentence = f"The job could not be started: {error}"
            self.failed.emit(path, sentence, "")
            self.ended.emit(path, sentence)
            return
        watch.request = request
        watch.starting = True
        watch.asked.clear()
        self.changed.emit(path)
        if watch.handle.outlives and not request.apart:
            self.moved.emit(path)

    def send(self, path: Path, verb: Verb, *, quietly: bool = False) -> None:
        """Leave a command in the inbox of the run's newest job; ``quietly`` where it is asked again and again."""
        watch = self._watch(path)
        if verb in watch.asked:
            return
        command = Command(verb=verb)
        watch.asked[verb] = command
        self.changed.emit(path)

        def drop() -> bool:
            jobs = RunFolder(path).jobs()
            status = read_status(jobs[-1].status) if jobs else None
            if status is None or status.state.ended:
                return False
            try:
                inbox.drop(jobs[-1].inbox, command)
            except OSError:
                if watch.handle is None or not watch.handle.tell(command):
                    raise
            return True

        def dropped(heard: bool) -> None:
            if heard:
                return
            watch.asked.pop(verb, None)
            self.changed.emit(path)
            if not quietly:
                self.too_late.emit(path)

        def not_dropped(error: Exception) -> None:
            watch.asked.pop(verb, None)
            self.changed.emit(path)
            if not quietly:
                self.failed.emit(path, f"The command could not be given: {error}", "")

        self._clerk.submit(drop, dropped, not_dropped)

    def observe(self, snapshot: RunSnapshot) -> None:
        """Compare what was asked with what the run says."""
        watch = self._watch(snapshot.path)
        before = watch.snapshot
        watch.snapshot = snapshot
        if watch.starting and snapshot.active:
            watch.starting = False
        for verb, command in list(watch.asked.items()):
            answer = snapshot.answers.get(command.id)
            if answer is not None:
                del watch.asked[verb]
                if answer.refused:
                    self.failed.emit(snapshot.path, f"“{verb.value}” was refused: {answer.refused}.", "")
        if not snapshot.active and before is not None and before.active:
            watch.asked.clear()

    def tick(self) -> None:
        """Notice jobs started here that ended, never began, or cannot say in their folder what they must.

        Called ten times a second.
        """
        for path, watch in list(self._runs.items()):
            if watch.handle is None:
                continue
            if watch.handle.alive:
                self._pass_on(path, watch, watch.handle.notice)
                continue
            failure = watch.handle.failure
            watch.handle = None
            watch.starting = False
            watch.asked.clear()
            self.changed.emit(path)
            if failure:
                self.failed.emit(path, failure, "")
            self.ended.emit(path, failure or "")

    def _pass_on(self, path: Path, watch: _Watch, notice: str) -> None:
        if notice != watch.notice:
            watch.notice = notice
            if notice:
                self.failed.emit(path, notice, "")

    def asked(self, path: Path) -> frozenset[str]:
        """Return what was asked and not answered yet: verbs, and ``start``."""
        watch = self._watch(path)
        return frozenset(verb.value for verb in watch.asked) | ({START} if watch.starting else frozenset())

    def in_window(self, path: Path) -> bool:
        """Tell whether a job works on a run that would end with this process."""
        handle = self._watch(path).handle
        return handle is not None and handle.alive and not handle.outlives

    def jobs_here(self) -> list[Path]:
        """Return the runs on which jobs work that were started here."""
        return [path for path, watch in self._runs.items() if watch.handle is not None and watch.handle.alive]

    def at_work(self) -> dict[Path, ExecutionRequest]:
        """Return what the jobs that were started here were given of the machine, by run."""
        return {path: self._runs[path].request for path in self.jobs_here()}

    def let_go(self) -> None:
        """Leave the jobs alone that go on without this process."""
        for watch in self._runs.values():
            if watch.handle is not None and watch.handle.outlives:
                watch.handle = None

    def stop_everything(self) -> None:
        """Ask all jobs started here to stop and keep; asked again, for a job may only just have begun to listen."""
        for path in self.jobs_here():
            self._watch(path).asked.pop(Verb.STOP_KEEP, None)
            self.send(path, Verb.STOP_KEEP, quietly=True)

    def _watch(self, path: Path) -> _Watch:
        return self._runs.setdefault(path, _Watch())
