"""What must reach the disk. Where the disk refuses, the job keeps everything in memory, waits, and tries again.

A training of days is worth more than the memory it holds meanwhile: a full disk, a lost permission or a network folder
that is away can be mended. What cannot is told at once: the folder is gone, or a file may not grow as large as it must.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cfd_studio.engine.controls import Controls, StopRequested
from cfd_studio.engine.mishaps import DISK_FULL, OTHER_ADVICE, disk_advice, explain, out_of_memory
from cfd_studio.engine.reporter import Reporter
from cfd_studio.protocol.errors import JobError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
RESERVE_BYTES = 65_536
# A lost permission, a medium that became read-only, a network folder that is away; and a full disk.
_MAY_PASS = DISK_FULL | {
    *(errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOLCK, errno.EBUSY),
}
_REMEDY = {
    **dict.fromkeys(DISK_FULL, "make room on the disk"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make the run's folder writable again"),
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What is kept of an error: the error itself would pin what could not be written."""

    code: int
    reason: str

    @classmethod
    def of(cls, error: OSError) -> "_Refusal":
        return cls(error.errno or 0, error.strerror or str(error))


class Storage:
    """Writes into the run, and into nothing that was taken over.

    Parameters
    ----------
    run : RunFolder
    lease : Lease
        Checked before each attempt.
    reporter : Reporter
        Its journal is written with the same patience from now on.
    controls : Controls
        Asked while the job waits.
    """

    def __init__(self, run: RunFolder, lease: Lease, reporter: Reporter, controls: Controls) -> None:
        self._lease = lease
        self._reporter = reporter
        self._controls = controls
        # Given up to a full disk, so that status, journal and inbox still have room for the sentence that says so.
        self._reserve = run.path / ".reserve"
        self._lay_by()
        reporter.patience = self._journal_refused

    def check(self) -> None:
        """Make sure that the run is still ours; called from any thread.

        Raises
        ------
        JobError
            Where it is not, or nobody can tell.
        """
        self._lease.check()

    def keep(self, what: str, write: Callable[[], T]) -> T:
        """Write something whole or not at all; return once it is written.

        Parameters
        ----------
        what : str
            Its name in a sentence, as in "the checkpoint of step 500 of stage 'teacher'".
        write : callable
            May be called repeatedly.

        Raises
        ------
        StopRequested
            Where the job is stopped while it waits.
        JobError
            Where waiting cannot help, the memory does not suffice, or the run is no longer ours.
        """

        def attempt() -> T:
            self.check()
            return write()

        try:
            return attempt()
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise
            refusal = _Refusal.of(error)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise explain(error, f"saving {what}", "cpu", OTHER_ADVICE) or error from None
        return self._wait(what, refusal, attempt)

    def close(self) -> None:
        """Give the reserve back; what is said from now on may get lost."""
        self._reporter.patience = None
        self._spend_reserve()

    def _journal_refused(self, error: OSError, write: Callable[[], None]) -> None:
        self._wait("the journal", _Refusal.of(error), write)

    def _wait(self, what: str, refusal: _Refusal, write: Callable[[], T]) -> T:
        """Hold the job and try again and again; commands are answered meanwhile."""
        self._reporter.patience = None  # a disk that refuses one file mostly refuses the next: no waiting in waiting
        try:
            self._announce(what, refusal)
            with self._reporter.within("waiting for the disk"):
                result = self._insist(what, refusal, write)
        finally:
            self._controls.notice = ""
            self._reporter.patience = self._journal_refused
        self._lay_by()
        self._reporter.state(JobState.RUNNING)
        self._reporter.log(f"The disk took {what}; the job goes on.")
        return result

    def _insist(self, what: str, refusal: _Refusal, write: Callable[[], T]) -> T:
        while True:
            if refusal.code not in _MAY_PASS:
                raise JobError(f"{what} cannot be written ({refusal.reason})", advice=disk_advice(refusal.code))
            try:
                self._controls.hold(RETRY_SECONDS)
            except StopRequested as stop:
                stop.unsaved = f"{what} cannot be written ({refusal.reason})"
                if stop.keep:  # the last chance
                    with contextlib.suppress(OSError):
                        write()
                        stop.unsaved = ""
                raise
            try:
                return write()
            except OSError as error:
                refusal = _Refusal.of(error)

    def _announce(self, what: str, refusal: _Refusal) -> None:
        if refusal.code not in _MAY_PASS:
            return
        if refusal.code in DISK_FULL:
            self._spend_reserve()
        remedy = _REMEDY.get(refusal.code, "see that the disk is there")
        sentence = (
            f"{what[0].upper()}{what[1:]} cannot be written ({refusal.reason}). The job waits with everything in "
            f"memory and goes on by itself once it can: {remedy}."
        )
        self._reporter.state(JobState.PAUSED, sentence)
        self._reporter.log(sentence, "warning")
        if self._reporter.unheard:  # neither window nor terminal can read it in the run folder
            self._controls.notice = sentence
            _LOG.warning("%s", sentence)

    def _lay_by(self) -> None:
        with contextlib.suppress(OSError), self._reserve.open("xb") as stream:
            stream.write(os.urandom(RESERVE_BYTES))  # a run of zeros may take no room at all

    def _spend_reserve(self) -> None:
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)
