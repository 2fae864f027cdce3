"""The workers of a window that must be there at once: what they need (torch: seconds) is loaded behind it.

Neither a job in a process of its own nor what was drawn before waits for any of that.
"""

import threading
from typing import TYPE_CHECKING, Literal, NamedTuple

from cfd_studio.protocol.commands import Command
from cfd_studio.protocol.errands import Errand, ErrandAnswer
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.launcher import JobHandle
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.memory import Memory
from cfd_studio.workers.preload import map_libraries
from cfd_studio.workers.priority import BACKGROUND_NICENESS, lower_priority
from cfd_studio.workers.process import ProcessLauncher
from cfd_studio.workers.recall import Recall
from cfd_studio.workspace.drawings import Drawings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfd_studio.workers.errands import ErrandRunner
    from cfd_studio.workers.sampling import SamplingSession
    from cfd_studio.workers.thread import ThreadLauncher


class _Early(NamedTuple):
    """What was asked before the workers were there."""

    ask: "Callable[[], None]"
    kind: Literal["drawing", "errand"]
    owner: str


class LazyWorkers:
    """All workers of one device, made by `load` on a thread of its own.

    A `Launcher`, a `Session` and `Errands` in one: what is asked before they are there waits for them.

    Parameters
    ----------
    niceness : int, optional
        Of their threads.
    drawings : Drawings, optional
        Where the session keeps what it drew, and where a request is looked for first.

    Attributes
    ----------
    failure : str or None
        The sentence why they cannot be loaded.
    fitness : Fitness
        Once the device is lost to this process, every job gets one of its own.
    """

    def __init__(self, niceness: int = BACKGROUND_NICENESS, drawings: Drawings | None = None) -> None:
        self._niceness = niceness
        self._memory = Memory(drawings) if drawings else None
        self._recall = Recall(self._memory, self._draw, niceness) if self._memory else None
        self._apart = ProcessLauncher(niceness)
        self.fitness = Fitness()
        self._lock = threading.Lock()
        self._loading: threading.Thread | None = None
        self._settled = threading.Event()  # set under the lock, so that nothing early is overlooked
        self._closing = False
        self._launcher: ThreadLauncher | None = None
        self._session: SamplingSession | None = None
        self._errands: ErrandRunner | None = None
        self._early: list[_Early] = []
        self.failure: str | None = None

    def load(self) -> None:
        """Begin to load; harmless when repeated."""
        with self._lock:
            if self._loading is None and not self._closing:
                # No daemon: torch aborts where the interpreter goes away while it is imported.
                self._loading = threading.Thread(target=self._load, name="cfd-load", daemon=False)
                self._loading.start()

    def settled(self) -> bool:
        """Return whether the workers are there, or cannot be."""
        return self._settled.is_set()

    def wait(self) -> None:
        """Wait until the workers are there, or cannot be."""
        self._settled.wait()

    def start(self, run: RunFolder, request: ExecutionRequest) -> JobHandle:
        """Start training or resuming a run as soon as that is possible; returns at once."""
        if request.apart or self.fitness.lost:
            return self._apart.start(run, request)
        self.load()
        return LazyJob(self, run, request)

    @property
    def refusal(self) -> str:
        """The sentence for whoever asks them and they are not there."""
        return self.failure or "The window is closing."

    def start_now(self, run: RunFolder, request: ExecutionRequest) -> JobHandle | None:
        """Start a job once the workers are there; None where they cannot be."""
        return self._launcher.start(run, request) if self._launcher and not self._closing else None

    def request(self, request: SampleRequest, answer: "Callable[[SampleAnswer], None]", *, owner: str = "") -> None:
        """Queue a request, as a `Session` does."""
        if self._recall is not None:
            self._recall.request(request, answer, owner)
        else:
            self._draw(request, answer, owner)

    def _draw(self, request: SampleRequest, answer: "Callable[[SampleAnswer], None]", owner: str) -> None:
        def ask() -> None:
            if self._session is not None:
                self._session.request(request, answer, owner=owner)
            else:
                answer(SampleAnswer(request, error=self.refusal))

        self._once_there(_Early(ask, "drawing", owner))

    def cancel(self, owner: str | None = None) -> None:
        """Drop what waits, of one owner or of all, as a `Session` does."""
        if self._recall is not None:
            self._recall.cancel(owner)
        with self._lock:
            self._early = [one for one in self._early if one.kind != "drawing" or owner not in (None, one.owner)]
        if self._session is not None:
            self._session.cancel(owner)

    def run(self, errand: Errand, answer: "Callable[[ErrandAnswer], None]", *, owner: str = "") -> None:
        """Queue an errand, as `Errands` does."""

        def ask() -> None:
            if self._errands is not None:
                self._errands.run(errand, answer, owner=owner)
            else:
                answer(ErrandAnswer(errand, error=self.refusal))

        self._once_there(_Early(ask, "errand", owner))

    def cancel_errands(self, owner: str | None = None) -> None:
        """Drop the errands that wait and end the one being done, of one owner or of all, as `Errands` does."""
        with self._lock:
            self._early = [one for one in self._early if one.kind != "errand" or owner not in (None, one.owner)]
        if self._errands is not None:
            self._errands.cancel_errands(owner)

    def close(self) -> None:
        """Cancel everything and end the threads; nobody waits for loading that goes on but the end of the program."""
        with self._lock:
            self._closing = True
            if self._loading is None:
                self._settled.set()
        if self._recall is not None:
            self._recall.close()
        self.cancel()
        self.cancel_errands()
        if self._session is not None:
            self._session.close()
        if self._errands is not None:
            self._errands.close()

    def _load(self) -> None:
        lower_priority(self._niceness)
        try:
            map_libraries()
            from cfd_studio.engine.turns import Turns
            from cfd_studio.workers.errands import ErrandRunner
            from cfd_studio.workers.sampling import SamplingSession
            from cfd_studio.workers.thread import ThreadLauncher

            turns = Turns()
            launcher = ThreadLauncher(turns, self._niceness, self.fitness)
            with self._lock:
                self._launcher = launcher
                if not self._closing:
                    self._session = SamplingSession(turns, self._niceness, self.fitness, self._memory)
                    self._errands = ErrandRunner(turns, self._niceness, self.fitness)
        except Exception as error:
            # Whatever the reason (a library that is missing), every wish must still get an answer.
            self.failure = f"The part that computes cannot be loaded: {error}"
        with self._lock:
            early, self._early = self._early, []
            self._settled.set()
            while early and self._session is not None:  # nobody cancels what is between here and there
                early.pop(0).ask()
        for one in early:
            one.ask()

    def _once_there(self, early: _Early) -> None:
        """Ask at once, or as soon as the workers are there, or cannot be."""
        self.load()
        with self._lock:
            if not self._settled.is_set():
                self._early.append(early)
                return
        early.ask()


class LazyJob:
    """A job that begins when the workers are there."""

    outlives = False

    def __init__(self, workers: LazyWorkers, run: RunFolder, request: ExecutionRequest) -> None:
        self._workers = workers
        self._run = run
        self._request = request
        self._job: JobHandle | None = None
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._begin, name="cfd-job-start", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it works or is about to."""
        if self._thread.is_alive():
            return True
        return self._job is not None and self._job.alive

    @property
    def failure(self) -> str | None:
        """The sentence why it could not begin, or None."""
        return self._job.failure if self._job is not None else self._failure

    def tell(self, command: Command) -> bool:
        """Give it a command past a disk that takes none; return whether it listens."""
        return self._job is not None and self._job.tell(command)

    @property
    def notice(self) -> str:
        """What it has to say while the run folder takes no word of it; else empty."""
        return self._job.notice if self._job is not None else ""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end; return whether it ended."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        return self._job is None or self._job.wait(timeout)

    def _begin(self) -> None:
        self._workers.wait()
        self._job = self._workers.start_now(self._run, self._request)
        if self._job is None:
            self._failure = self._workers.refusal
