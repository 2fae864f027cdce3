"""What a job is doing this very moment, with a heartbeat that shows that it lives."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.fields import Count
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import LARGEST_NOTE, read_bounded

HEARTBEAT_SECONDS = 2.0
# A compiler or an import may hold the interpreter, and with it the heartbeat, for as long as it takes.
QUIET_PHASES = {"loading": 300.0, "compiling": 900.0}


class Meters(BaseModel):
    """What the machine of a job has in use; None where it cannot tell.

    Memory is in bytes, load in [0, 1]. ``job_memory`` is host memory of the job's own process. ``device_memory`` is
    what the whole device has in use, by whomever; a device that is the host itself has none of its own.
    """

    model_config = ConfigDict(frozen=True)

    host_load: float | None = None
    host_memory: Count | None = None
    host_memory_total: Count | None = None
    job_memory: Count | None = None
    device_load: float | None = None
    device_memory: Count | None = None
    device_memory_total: Count | None = None


class JobStatus(BaseModel):
    """The content of ``status.json``.

    ``done`` and ``total`` count what a phase works off, in ``unit``; a total of 0 is unknown, an empty unit means that
    nothing is counted. ``heartbeat`` grows as long as the job lives; for ``quiet_seconds`` after the newest one,
    silence is no sign of death: the job is in a phase during which its heart may not be able to beat.
    """

    model_config = ConfigDict(frozen=True)

    state: JobState = JobState.STARTING
    stage: str | None = None
    step: Count = 0
    total_steps: Count = 0
    phase: str = ""
    done: Count = 0
    total: Count = 0
    unit: str = Field("", max_length=40)
    heartbeat: Count = 0
    quiet_seconds: float = Field(0.0, ge=0, le=3600)
    sentence: str = ""
    meters: Meters | None = None

    @property
    def counted(self) -> str:
        """How far the phase is, as in "1,200 of 50,000 images"; empty where it counts nothing."""
        of_total = f" of {self.total:,}" if self.total else ""
        return f"{self.done:,}{of_total} {self.unit}" if self.unit else ""


def read_status(path: Path) -> JobStatus | None:
    """Return a job's status, or None where there is none to read."""
    try:
        return JobStatus.model_validate_json(read_bounded(path, LARGEST_NOTE))
    except (OSError, ValueError):
        return None


class StatusWriter:
    """Keeps ``status.json`` current from a thread of its own, so that a long phase does not look like death.

    It is a sign of life and nothing else: where it cannot be written, the job goes on, and the next heartbeat that
    finds room writes what holds by then.

    Parameters
    ----------
    path : Path
    measure : callable, optional
        Returns what the machine has in use; called before every heartbeat, and must not raise.
    """

    def __init__(self, path: Path, measure: Callable[[], Meters] | None = None) -> None:
        self._path = path
        self._measure = measure
        self._status = JobStatus()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._write()
        self._thread = threading.Thread(target=self._beat, name="cfd-heartbeat", daemon=True)
        self._thread.start()

    @property
    def status(self) -> JobStatus:
        """The status as it was last set."""
        return self._status

    def update(self, *, at_once: bool = False, **changes: object) -> None:
        """Change fields. They reach the disk with the next heartbeat, or now."""
        if "phase" in changes:
            changes["quiet_seconds"] = QUIET_PHASES.get(str(changes["phase"]), 0.0)
        with self._lock:
            self._status = self._status.model_copy(update=changes)
        if at_once:
            self._write()

    def close(self) -> None:
        """End the heartbeat and write the status for the last time."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._write()

    def _beat(self) -> None:
        while not self._wake.wait(HEARTBEAT_SECONDS) and not self._closing:
            if self._measure is not None:
                self.update(meters=self._measure())
            self._write()

    def _write(self) -> None:
        with self._writing, contextlib.suppress(OSError, MemoryError):
            with self._lock:  # not held while the disk works: the training loop takes it at every step
                self._status = self._status.model_copy(update={"heartbeat": self._status.heartbeat + 1})
                content = self._status.model_dump_json().encode()
            atomic.write_bytes(self._path, content)
