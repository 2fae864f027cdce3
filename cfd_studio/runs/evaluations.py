"""What was measured of a run besides its training: the journals of the jobs that only measure, read as they grow."""

import math
import time

from cfd_studio.protocol.events import StageJudged
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalReader, JournalReplaced
from cfd_studio.runs.status import JobStatus, read_status


class Evaluations:
    """Joins the figures of all evaluations of a run, the newest on top.

    Parameters
    ----------
    run : RunFolder

    Attributes
    ----------
    version : int
        Grows whenever there are more figures, or others.
    behind : bool
        Whether the last `refresh` ended before it had read everything.
    status : JobStatus or None
        Of the newest evaluation.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._stages = {stage.id for stage in run.config().stages}
        self._readers: dict[str, JournalReader] = {}
        self._found: dict[str, StageQuality] = {}
        self._joined: dict[str, tuple[StageQuality | None, StageQuality]] = {}
        self.version = 0
        self.behind = False
        self.status: JobStatus | None = None

    def refresh(self, seconds: float = math.inf) -> None:
        """Read what is new, for about so many seconds."""
        deadline = time.monotonic() + seconds
        jobs = self._run.evaluations()
        self.status = read_status(jobs[-1].status) if jobs else None
        try:
            for job in jobs:
                reader = self._readers.setdefault(job.path.name, JournalReader(job.journal))
                while events := reader.read():
                    for event in events:
                        if isinstance(event, StageJudged) and event.quality.stage in self._stages:
                            self._take(event.quality)
                    self.behind = time.monotonic() > deadline
                    if self.behind:
                        return
            self.behind = False
        except JournalReplaced:  # read anew the next time
            self._readers.clear()
            self._found.clear()
            self._joined.clear()
            self.version += 1

    def joined(self, stage: str, trained: StageQuality | None) -> StageQuality | None:
        """Return the figures taken when a stage was trained with all later ones; the same object while none is new."""
        later = self._found.get(stage)
        if later is None:
            return trained
        known = self._joined.get(stage)
        if known is None or known[0] is not trained:
            whole = (trained or StageQuality(stage=stage)).joined(later)
            known = self._joined[stage] = (trained, whole)
        return known[1]

    def _take(self, quality: StageQuality) -> None:
        before = self._found.get(quality.stage, StageQuality(stage=quality.stage))
        self._found[quality.stage] = before.joined(quality)
        self._joined.pop(quality.stage, None)
        self.version += 1
