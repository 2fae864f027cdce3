"""What a run looks like to a reader: all its journals, read as they grow and folded in their order."""

import math
import time
from pathlib import Path

from cfd_studio.protocol.config import RunConfig
from cfd_studio.runs.fold import Fold, StageMirror
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.index import JournalIndex
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.journal import JournalReader, JournalReplaced
from cfd_studio.runs.losses import read_lines

ATTEMPTS = 3  # a journal that is replaced more often than that is left for the next time
__all__ = ["RunMirror", "StageMirror"]


class RunMirror(Fold):
    """Folds a run's journals. Call `refresh` as often as you like; it reads only what is new.

    Parameters
    ----------
    run : RunFolder
    config : RunConfig, optional
        Where it was read already.
    indexes : Path, optional
        A folder for what long journals came to, so that the next mirror need not read them from their beginning.

    Attributes
    ----------
    version : int
        Grows whenever something changed.
    behind : bool
        Whether the last `refresh` ended before it had read everything.
    read_share : float
        How much of the journals is read, in [0, 1].
    """

    def __init__(self, run: RunFolder, config: RunConfig | None = None, *, indexes: Path | None = None) -> None:
        super().__init__(config or run.config())
        self.run = run
        self.version = 0
        self.behind = False
        self.read_share = 0.0
        self._readers: dict[str, JournalReader] = {}
        self._index = JournalIndex(indexes, run.path) if indexes else None
        if self._index:
            self._readers = self._index.load(self, run.jobs())

    @property
    def skipped(self) -> int:
        """Journal lines that this version did not understand."""
        return sum(reader.skipped for reader in self._readers.values())

    def refresh(self, seconds: float = math.inf) -> bool:
        """Read what is new, for about so many seconds; return whether anything was."""
        before = self.version
        deadline = time.monotonic() + seconds
        for _ in range(ATTEMPTS):
            try:
                self._read(deadline)
                break
            except JournalReplaced:
                self.forget()
                self._readers.clear()
                self.version += 1
                self.behind = True
        self.read_share = self._share() if self.behind else 1.0
        if self._index and not self.behind:
            self._index.save_if_worthwhile(self, self._readers)
        return self.version != before

    def _read(self, deadline: float) -> None:
        jobs = self.run.jobs()
        for job in jobs:
            reader = self._readers.setdefault(job.path.name, JournalReader(job.journal))
            while block := reader.read_block():
                if self._is_late(job, jobs):
                    raise JournalReplaced
                for event in read_lines(block):
                    if event is None:
                        reader.skipped += 1
                    else:
                        self.fold(event)
                self.version += 1
                self.behind = time.monotonic() > deadline
                if self.behind:
                    return
        self.behind = False

    def _share(self) -> float:
        """Return how much is read, as the journals are this moment."""
        total = sum(job.journal.stat().st_size for job in self.run.jobs() if job.journal.exists())
        return min(1.0, sum(reader.offset for reader in self._readers.values()) / max(total, 1))

    def _is_late(self, job: JobFolder, jobs: list[JobFolder]) -> bool:
        """Tell whether a later job was folded before these lines of a job that was thought dead."""
        later = (self._readers.get(other.path.name) for other in jobs[jobs.index(job) + 1 :])
        return any(reader is not None and reader.offset for reader in later)
