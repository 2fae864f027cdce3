"""Jobs in a thread of this process."""

import threading
import traceback
from collections.abc import Callable
from functools import partial

from cfd_studio.engine.controls import listening
from cfd_studio.engine.job import run_job
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.commands import Command
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobEnded, JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.priority import lower_priority


class ThreadJob:
    """A job in a thread.

    Attributes
    ----------
    ended : JobEnded or None
        How it ended; None while it works, and where it could not begin.
    error : CfdError or None
        Why it could not begin.
    """

    outlives = False

    def __init__(self, run: RunFolder, work: Callable[[], JobEnded], niceness: int, fitness: Fitness) -> None:
        self._run = run
        self._job = work
        self._niceness = niceness
        self._fitness = fitness
        self.ended: JobEnded | None = None
        self.error: CfdError | None = None
        self._thread = threading.Thread(target=self._work, name="cfd-job", daemon=False)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    @property
    def failure(self) -> str | None:
        """The sentence why it could not begin, or None."""
        return str(self.error) if self.error else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end; return whether it ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def tell(self, command: Command) -> bool:
        """Give it a command past a disk that takes none; return whether it listens."""
        if controls := listening(self._run.path):
            controls.hand(command)
            return True
        return False

    @property
    def notice(self) -> str:
        """What it has to say while the run folder takes no word of it; else empty."""
        controls = listening(self._run.path)
        return controls.notice if controls else ""

    def _work(self) -> None:
        lower_priority(self._niceness)
        try:
            self.ended = self._job()
            if self.ended.state is JobState.FAILED:
                self._fitness.note(self.ended.sentence, self.ended.details)
        except CfdError as error:
            self.error = error
            self._fitness.note(str(error))
        except Exception as error:
            self._fitness.note(traceback.format_exc())
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.error = CfdError(
                f"the job could not begin: {type(error).__name__}: {error} ({last.name}, line {last.lineno})",
                where=str(self._run.path),
            )


class ThreadLauncher:
    """Starts jobs in threads of this process.

    Parameters
    ----------
    turns : Turns
        Shared with the sampling session of the same device.
    niceness : int, optional
        Of the training thread; 0 where no window wants a share.
    fitness : Fitness, optional
        Told of the errors of the device.
    ranks : Ranks, optional
        Of which this process is the first.
    """

    def __init__(
        self, turns: Turns, niceness: int = 0, fitness: Fitness | None = None, ranks: Ranks | None = None
    ) -> None:
        self._turns = turns
        self._niceness = niceness
        self._fitness = fitness or Fitness()
        self._ranks = ranks

    def start(self, run: RunFolder, request: ExecutionRequest) -> ThreadJob:
        """Start training or resuming a run; returns at once."""
        work = partial(run_job, run, request, self._turns, self._ranks)
        return ThreadJob(run, work, self._niceness, self._fitness)
