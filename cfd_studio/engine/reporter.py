"""How a job speaks: journal, status and log."""

import time

from cfd_studio.protocol.events import Event, JobState, Logged, PhaseEntered
from cfd_studio.runs.folder import JobFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.runs.status import StatusWriter


class Reporter:
    """Writes a job's journal, status and log.

    Parameters
    ----------
    job : JobFolder
        Of which nobody else writes these three files.
    """

    def __init__(self, job: JobFolder) -> None:
        self._journal = JournalWriter(job.journal)
        self._status = StatusWriter(job.status)
        self._log = job.log.open("a", encoding="utf-8", buffering=1)

    def say(self, event: Event) -> None:
        """Append an event to the journal."""
        self._journal.write(event)

    def log(self, text: str, level: str = "info") -> None:
        """Write a line into the journal and ``log.txt``."""
        event = Logged.model_validate({"level": level, "text": text})
        self.say(event)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
        self._log.write(f"{moment} {level:7} {text}\n")

    def phase(self, phase: str, stage: str | None = None) -> None:
        """Name what the job is busy with."""
        self.say(PhaseEntered(phase=phase, stage=stage))
        self._status.update(phase=phase, stage=stage, at_once=True)

    def state(self, state: JobState, sentence: str = "") -> None:
        """Set the job's state, visible at once."""
        self._status.update(state=state, sentence=sentence, at_once=True)

    def progress(self, stage: str, step: int, total_steps: int) -> None:
        """Set where the job is; it reaches the disk with the next heartbeat."""
        self._status.update(stage=stage, step=step, total_steps=total_steps)

    def close(self) -> None:
        """End the heartbeat and close the files."""
        self._status.close()
        self._journal.close()
        self._log.close()
