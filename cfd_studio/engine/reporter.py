"""How a job speaks: journal, status and log."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from cfd_studio.protocol.events import Event, JobState, Logged, PhaseEntered
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.runs.status import Meters, StatusWriter

Patience = Callable[[OSError, Callable[[], None]], None]


class Listener(Protocol):
    """Hears everything that a job says; what it makes of it never ends the job."""

    def hear(self, event: Event) -> None:
        """Take the next event."""

    def close(self) -> None:
        """Hear no more."""


class Reporter:
    """Writes a job's journal, status and log.

    Parameters
    ----------
    job : JobFolder
        Of which nobody else writes these three files.
    measure : callable, optional
        Returns what the machine has in use; called by the heartbeat.

    Attributes
    ----------
    patience : callable or None
        Called with the error and a second attempt where the disk refuses a line of the journal; returns once the line
        is written. Without it the line waits for the next one, and nothing is raised.
    listener : Listener or None
        Told everything after the journal.
    """

    def __init__(self, job: JobFolder, measure: Callable[[], Meters] | None = None) -> None:
        self._job = job
        self._journal = JournalWriter(job.journal)
        self._unsaid: deque[Event] = deque()
        self._status = StatusWriter(job.status, measure)
        self.patience: Patience | None = None
        self.listener: Listener | None = None

    @property
    def doing(self) -> tuple[str, str | None]:
        """The phase and the stage that the job is busy with."""
        status = self._status.status
        return status.phase, status.stage

    @property
    def unheard(self) -> bool:
        """Whether something was said that is not in the journal yet."""
        return bool(self._unsaid)

    def say(self, event: Event) -> None:
        """Append an event to the journal."""
        self._unsaid.append(event)
        try:
            self._write()
        except OSError as error:
            if self.patience is not None:
                self.patience(error, self._write_anew)
        if self.listener is not None:
            self.listener.hear(event)

    def log(self, text: str, level: str = "info") -> None:
        """Write a line into the journal and ``log.txt``."""
        event = Logged.model_validate({"level": level, "text": text})
        self.say(event)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
        with contextlib.suppress(OSError), self._job.log.open("a", encoding="utf-8") as log:  # the journal has it too
            log.write(f"{moment} {level:7} {text}\n")

    def phase(self, phase: str, stage: str | None = None) -> None:
        """Name what the job is busy with."""
        if stage != self._status.status.stage:  # which has made no step yet, whatever the one before made
            self._status.update(step=0, total_steps=0)
        self._status.update(phase=phase, stage=stage, done=0, total=0, unit="")
        self.say(PhaseEntered(phase=phase, stage=stage))
        self._status.update(at_once=True)

    @contextlib.contextmanager
    def within(self, phase: str) -> Iterator[None]:
        """Name what the job is busy with for a while, then what it was busy with before; an error leaves the name."""
        before = self._status.status
        self.phase(phase, before.stage)
        yield
        self.say(PhaseEntered(phase=before.phase, stage=before.stage))
        counted = {"done": before.done, "total": before.total, "unit": before.unit}
        self._status.update(at_once=True, phase=before.phase, stage=before.stage, **counted)

    def state(self, state: JobState, sentence: str = "") -> None:
        """Set the job's state, visible at once."""
        self._status.update(state=state, sentence=sentence)
        self._status.update(at_once=True)

    def progress(self, stage: str, step: int, total_steps: int) -> None:
        """Set where the job is; it reaches the disk with the next heartbeat."""
        self._status.update(stage=stage, step=step, total_steps=total_steps)

    def count(self, done: int, total: int, unit: str) -> None:
        """Set how far the phase is, of how much (0 where nobody knows); it reaches the disk with the next heartbeat."""
        self._status.update(done=done, total=total, unit=unit)

    def close(self) -> None:
        """End the heartbeat and close the files."""
        self._status.close()
        self._journal.close()
        if self.listener is not None:
            self.listener.close()

    def _write(self) -> None:
        while self._unsaid:
            self._journal.write(self._unsaid[0])
            self._unsaid.popleft()

    def _write_anew(self) -> None:
        """Try again, with the file opened again: one on a network folder that was away stays useless."""
        old, self._journal = self._journal, JournalWriter(self._job.journal)
        with contextlib.suppress(OSError):
            old.close()
        self._write()
