"""One trainer per run: how the run is taken, taken over and given back, and when the old holder must stop saving."""

import contextlib
import time
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from cfd_studio.protocol.errors import CfdError, JobError
from cfd_studio.runs import atomic, notes
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import LARGEST_NOTE, read_bounded
from cfd_studio.runs.pulse import STALE_SECONDS, Holder, given_back, is_alive

LOCK = ".lease.lock"
LOCK_SECONDS = 10.0
READ_ATTEMPTS = 3
_NOTHING_SAVED = "Nothing more was saved by this one"


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
            Seconds for which the heartbeat of a holder on another host must stand still, unless its status asks for
            more.

        Raises
        ------
        CfdError
            Where a living trainer holds the run, or its folder cannot be read or written.
        """
        path = run.path / "lease.json"
        try:
            seen = read_lease(run)
            if seen is not None and is_alive(run, seen, patience=patience):
                raise CfdError(
                    f"another trainer is working on this run (process {seen.pid} on {seen.host})",
                    where=str(run.path),
                    advice="Wait for it, or stop it first.",
                )
            with FileLock(run.path / LOCK, timeout=LOCK_SECONDS):
                if read_lease(run) != seen:
                    raise _just_started(run)
                holder = Holder.this_process(epoch=_last_epoch(run, seen) + 1, token=uuid.uuid4().hex)
                atomic.write_bytes(run.path / ".lease.epoch", f"{holder.epoch}\n".encode())
                notes.write(path, holder)
        except Timeout:
            raise _just_started(run) from None
        except OSError as error:
            raise CfdError(
                f"the run cannot be taken ({error.strerror or error})",
                where=str(run.path),
                advice="To train, its folder must be one that you may read and write, with room on its disk.",
            ) from None
        return cls(path, holder)

    def check(self) -> None:
        """Make sure that the run is still ours; called before every save.

        Raises
        ------
        JobError
            Where it is not, or nobody can tell.
        """
        what, advice = self._doubt()
        if what:
            raise JobError(what, where=str(self._path.parent), advice=f"{_NOTHING_SAVED}{advice}.")

    def _doubt(self) -> tuple[str, str]:
        try:
            current = _read_patiently(self._path)
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                return "the run folder was deleted or moved while a job worked on it", ""
            return (
                "somebody deleted lease.json, and another trainer may have begun",
                "; resume the run where nobody else works on it",
            )
        except OSError as error:
            return (
                f"lease.json cannot be read ({error.strerror or error}), and another trainer may have begun",
                "; resume the run once its folder can be read",
            )
        except ValueError:
            return (
                "somebody changed lease.json, and another trainer may have begun",
                "; resume the run where nobody else works on it",
            )
        if current.token != self.holder.token:
            return f"another trainer took this run over (process {current.pid} on {current.host})", ""
        return "", ""

    def release(self) -> None:
        """Give the run back; a lease that is no longer ours, or no longer there, stays as it is."""
        given_back.add(self.holder.token)
        with contextlib.suppress(OSError, ValueError, Timeout):
            _read(self._path)  # locking would make the folder of a deleted run again
            with FileLock(self._path.with_name(LOCK), timeout=LOCK_SECONDS):
                if _read(self._path).token == self.holder.token:
                    self._path.unlink(missing_ok=True)


def current_holder(run: RunFolder) -> Holder | None:
    """Return who holds a run, living or not; None also where nobody can tell."""
    try:
        return read_lease(run)
    except OSError:
        return None


def read_lease(run: RunFolder) -> Holder | None:
    """Return who holds a run, living or not; a lease that is missing or damaged is nobody's.

    Raises
    ------
    OSError
        Where there is a lease that cannot be read.
    """
    try:
        return _read(run.path / "lease.json")
    except (FileNotFoundError, ValueError):
        return None


def _read(path: Path) -> Holder:
    return Holder.model_validate_json(read_bounded(path, LARGEST_NOTE))


def _read_patiently(path: Path) -> Holder:
    """Return the holder; a share on the network may hiccup."""
    for _ in range(READ_ATTEMPTS - 1):
        with contextlib.suppress(OSError):
            return _read(path)
        time.sleep(0.1)
    return _read(path)


def _just_started(run: RunFolder) -> CfdError:
    return CfdError(
        "another trainer has just started on this run", where=str(run.path), advice="Wait for it, or stop it first."
    )


def _last_epoch(run: RunFolder, seen: Holder | None) -> int:
    """Return the highest epoch that anything tells of; a file cut short would tell of a lower one."""
    known = [seen.epoch if seen else 0, *(job.number for job in run.jobs()[-1:])]
    with contextlib.suppress(OSError, ValueError):
        content = read_bounded(run.path / ".lease.epoch", 64)
        if content.endswith(b"\n"):
            known.append(int(content))
    return max(known)
