"""One trainer per run: who holds it, and when a holder counts as gone."""

import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.protocol.errors import CfdError, JobError
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import LARGEST_NOTE, read_bounded
from cfd_studio.runs.status import read_status

STALE_SECONDS = 30.0
LOCK = ".lease.lock"


class Holder(BaseModel):
    """The content of ``lease.json``."""

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(ge=0, lt=2**63)
    token: str
    host: str
    pid: int = Field(ge=1, lt=2**31)
    process_started: float


class Lease:
    """The right to write into a run; a takeover raises the epoch, and from then on the old holder may not save."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self._path = path
        self.holder = holder

    @classmethod
    def acquire(cls, run: RunFolder, *, patience: float = STALE_SECONDS) -> "Lease":
        """Take the run, or take it over from a holder that is gone.

        Parameters
        ----------
        run : RunFolder
        patience : float
            Seconds for which the heartbeat of a holder on another host must stand still.

        Raises
        ------
        CfdError
            Where a living trainer holds the run.
        """
        path = run.path / "lease.json"
        seen = _read(path)
        if seen is not None and is_alive(run, seen, patience=patience):
            raise CfdError(
                f"another trainer is working on this run (process {seen.pid} on {seen.host})",
                where=str(run.path),
                advice="Wait for it, or stop it first.",
            )
        with FileLock(run.path / LOCK):
            if _read(path) != seen:
                raise CfdError(
                    "another trainer has just started on this run",
                    where=str(run.path),
                    advice="Wait for it, or stop it first.",
                )
            holder = Holder(
                epoch=_last_epoch(run) + 1,
                token=uuid.uuid4().hex,
                host=socket.gethostname(),
                pid=psutil.Process().pid,
                process_started=psutil.Process().create_time(),
            )
            atomic.write_bytes(run.path / ".lease.epoch", str(holder.epoch).encode())
            atomic.write_bytes(path, holder.model_dump_json(indent=2).encode())
        return cls(path, holder)

    def check(self) -> None:
        """Make sure that the run is still ours; called before every save.

        Raises
        ------
        JobError
            Where another trainer took it over.
        """
        current = _read(self._path)
        if current is None or current.token != self.holder.token:
            raise JobError(
                "another trainer took this run over",
                where=str(self._path.parent),
                advice="Nothing more was saved by this one.",
            )

    def release(self) -> None:
        """Give the run back; a lease that is no longer ours stays."""
        with FileLock(self._path.with_name(LOCK)):
            current = _read(self._path)
            if current is not None and current.token == self.holder.token:
                self._path.unlink(missing_ok=True)


def is_alive(run: RunFolder, holder: Holder, *, patience: float = STALE_SECONDS) -> bool:
    """Tell whether a holder still works: its process on this host, its heartbeat on another one."""
    if holder.host == socket.gethostname():
        try:
            process = psutil.Process(holder.pid)
            same = bool(abs(process.create_time() - holder.process_started) < 2.0)
            return same and process.status() != psutil.STATUS_ZOMBIE  # killed, and nobody has noticed
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # somebody else's process, and therefore one
            return True
    jobs = run.jobs()
    if not jobs:
        return False
    before = read_status(jobs[-1].status)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(min(1.0, patience))
        if read_status(jobs[-1].status) != before:
            return True
    return False


class Pulse:
    """Notices, on the reader's clock, that a heartbeat stands still; for holders whose process cannot be looked at."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Path, tuple[int, float]] = {}

    def stands_still(self, run: Path, heartbeat: int) -> bool:
        """Take note of a heartbeat, and tell whether it has not changed for 30 s."""
        now = self._clock()
        last, since = self._seen.get(run, (-1, now))
        if heartbeat != last:
            since = now
        self._seen[run] = (heartbeat, since)
        return now - since >= STALE_SECONDS


def current_holder(run: RunFolder) -> Holder | None:
    """Return who holds a run, living or not."""
    return _read(run.path / "lease.json")


def _read(path: Path) -> Holder | None:
    try:
        return Holder.model_validate_json(read_bounded(path, LARGEST_NOTE))
    except (OSError, ValueError):
        return None


def _last_epoch(run: RunFolder) -> int:
    try:
        return int(read_bounded(run.path / ".lease.epoch", 64))
    except (OSError, ValueError):
        return 0
