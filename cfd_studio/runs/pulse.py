"""Whether the holder of a run still works: its process where that can be looked at, its heartbeat where not."""

import functools
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.status import JobStatus, read_status

STALE_SECONDS = 30.0
LONGEST_GAP = 10.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


# Leases that this process gave back, also where the disk did not take it: their holder is no longer one.
given_back: set[str] = set()


class Holder(BaseModel):
    """The content of ``lease.json``.

    ``boot_id`` and ``seconds_after_boot`` say when the process began in a way that setting the clock cannot change;
    the first is empty where the system has none, and ``process_started`` decides.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(ge=0, lt=2**63)
    token: str
    host: str
    pid: int = Field(ge=1, lt=2**31)
    process_started: float
    boot_id: str = ""
    seconds_after_boot: float = 0.0

    @classmethod
    def this_process(cls, *, epoch: int, token: str) -> "Holder":
        """Return the holder that this process is."""
        process = psutil.Process()
        return cls(
            epoch=epoch,
            token=token,
            host=socket.gethostname(),
            pid=process.pid,
            process_started=process.create_time(),
            boot_id=_boot_id(),
            seconds_after_boot=_seconds_after_boot(process),
        )

    @property
    def near(self) -> bool:
        """Whether it is a process of this host."""
        return self.host == socket.gethostname()

    def process_lives(self) -> bool:
        """Tell whether the process is there, on its own host; another one under the same number does not count."""
        if self.token in given_back:
            return False
        try:
            process = psutil.Process(self.pid)
            if self.boot_id and self.boot_id == _boot_id():
                apart = _seconds_after_boot(process) - self.seconds_after_boot
            else:
                apart = process.create_time() - self.process_started
            return abs(apart) < 2.0 and process.status() != psutil.STATUS_ZOMBIE  # killed, and nobody has noticed
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # somebody else's process, and therefore one
            return True


@dataclass(frozen=True, slots=True)
class _Look:
    heartbeat: int | None
    patience: float
    since: float
    at: float


class Pulse:
    """Notices, on the reader's clock, that a heartbeat stands still; for holders whose process cannot be looked at.

    A status that cannot be read is silence. A reader that did not look for more than 10 s (its machine slept, its disk
    hung) knows nothing of that time and counts anew; one that always looks less often never calls a holder lost.

    Parameters
    ----------
    clock : callable, optional
        Seconds, rising, whatever happens to the time of day.
    patience : float, optional
        Seconds of silence after which a holder counts as gone, unless its status asks for more.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, patience: float = STALE_SECONDS) -> None:
        self._clock = clock
        self._patience = patience
        self._looks: dict[Path, _Look] = {}

    def stands_still(self, run: Path, status: JobStatus | None) -> bool:
        """Take note of what a run's newest job says, and tell whether its heart has not beaten for too long."""
        now = self._clock()
        last = self._looks.get(run) or _Look(None, self._patience, now, now)
        heartbeat, patience = last.heartbeat, last.patience
        if status:
            heartbeat, patience = status.heartbeat, max(self._patience, status.quiet_seconds)
        was_looking = now - last.at <= LONGEST_GAP
        since = last.since if was_looking and heartbeat == last.heartbeat else now
        self._looks[run] = _Look(heartbeat, patience, since, now)
        return now - since >= patience


def is_alive(
    run: RunFolder,
    holder: Holder,
    *,
    patience: float = STALE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Tell whether a holder still works; of one on another host only after up to ``patience`` seconds or more."""
    if holder.near:
        return holder.process_lives()
    pulse = Pulse(clock, patience=patience)
    first = _newest_status(run)
    status = first
    while not pulse.stands_still(run.path, status):
        sleep(min(1.0, patience / 4))
        status = _newest_status(run)
        if status is not None and (first is None or status.heartbeat != first.heartbeat):
            return True
    return False


def _newest_status(run: RunFolder) -> JobStatus | None:
    jobs = run.jobs()
    return read_status(jobs[-1].status) if jobs else None


@functools.cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _seconds_after_boot(process: psutil.Process) -> float:
    boot = psutil.boot_time()  # asked first: some versions remember it, and both must come from the same clock
    return float(process.create_time() - boot)
