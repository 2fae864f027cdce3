"""Follows one run from a thread of its own and hands over snapshots; the window's timer only fetches the newest."""

import logging
import threading
import time
from pathlib import Path

from cfd_studio.gui.models.snapshot import EMPTY, Curve, LogLine, RunSnapshot, StageSnapshot
from cfd_studio.gui.strip_shelf import StripShelf
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.runs.about import About, read_about
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.evaluations import Evaluations
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.runs.mirror import RunMirror, StageMirror
from cfd_studio.runs.pulse import Pulse
from cfd_studio.runs.series import Series
from cfd_studio.runs.status import JobStatus
from cfd_studio.workspace.folders import indexes_folder

POLL_SECONDS = 0.5  # a window that shows a run five times a second slows down what trains on the CPU beside it
SLICE_SECONDS = 0.5  # of a long journal, between two pictures
_LOG = logging.getLogger(__name__)


class RunFeed:
    """Reads a run twice a second, and whenever it is nudged.

    Parameters
    ----------
    path : Path
        The run folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._pulse = Pulse()
        self._newest: RunSnapshot | None = None
        self._error: str | None = None
        self._wake = threading.Event()
        self._closing = False
        self._curves: dict[tuple[str, str], Curve] = {}
        self._log: tuple[LogLine, ...] = ()
        self._logged = 0
        self._shelves: dict[str, StripShelf] = {}
        self._thread = threading.Thread(target=self._follow, name="cfd-run-feed", daemon=True)
        self._thread.start()

    def take(self) -> RunSnapshot | None:
        """Return the newest snapshot, or None where nothing changed since the last call."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    def take_error(self) -> str | None:
        """Return why the run cannot be read, once."""
        with self._lock:
            error, self._error = self._error, None
        return error

    def nudge(self) -> None:
        """Read at once."""
        self._wake.set()

    def leave(self) -> None:
        """Follow no more; the thread ends by itself, on a disk that does not answer late."""
        self._closing = True
        self._wake.set()

    def close(self) -> None:
        """End the thread, and wait for it."""
        self.leave()
        self._thread.join(10)

    def _follow(self) -> None:
        try:
            folder = RunFolder.open(self.path)
            mirror = RunMirror(folder, indexes=indexes_folder())
            self._evaluations = Evaluations(folder)
        except (CfdError, OSError) as error:
            with self._lock:
                self._error = str(error)
            return
        seen: object = None
        while not self._closing:
            pause = POLL_SECONDS
            try:
                mirror.refresh(SLICE_SECONDS)
                self._evaluations.refresh(SLICE_SECONDS)
                state, status, holder = _state(folder, self._pulse)
                strips = self._look_at_strips(folder, mirror)
                jobs = folder.jobs()
                plan = next((plan for job in reversed(jobs) if (plan := job.read_plan())), None)
                about = read_about(self.path)
                measured = (self._evaluations.version, _still(self._evaluations.status))
                now = (mirror.version, measured, state, _still(status), holder, strips, plan, about)
                if now != seen:
                    seen = now
                    snapshot = self._snapshot(mirror, jobs, state, status, holder, plan, about)
                    with self._lock:
                        self._newest = snapshot
                pause = 0.0 if mirror.behind or self._evaluations.behind else POLL_SECONDS
            except Exception:
                # One bad read (a folder being moved, a share that is away) must not end the watch.
                _LOG.exception("reading %s failed", self.path)
            self._wake.wait(pause)
            self._wake.clear()

    def _snapshot(
        self,
        mirror: RunMirror,
        jobs: list[JobFolder],
        state: str,
        status: JobStatus | None,
        holder: str,
        plan: ExecutionPlan | None,
        about: About,
    ) -> RunSnapshot:
        return RunSnapshot(
            path=self.path,
            config=mirror.config,
            state=state,
            job=jobs[-1].number if jobs else 0,
            stages={
                stage.id: self._stage(stage, _judging(mirror, stage, state), active=state != "lost")
                for stage in mirror.stages.values()
            },
            status=status,
            measuring=_still(self._evaluations.status),
            device=mirror.job.device if mirror.job else "",
            plan=plan,
            ended=mirror.ended,
            answers=dict(mirror.answers),
            log=self._log_lines(mirror),
            log_count=mirror.log_count,
            holder=holder,
            skipped=mirror.skipped,
            reading=mirror.read_share,
            about=about,
        )

    def _stage(self, stage: StageMirror, judging: float, *, active: bool) -> StageSnapshot:
        state = stage.state
        if not active and state in ("training", "evaluating"):  # the job died in the middle
            state = "trained" if stage.step >= stage.total_steps else "waiting"
        shelf = self._shelves[stage.id]
        return StageSnapshot(
            id=stage.id,
            total_steps=stage.total_steps,
            step=stage.step,
            state=state,
            loss=self._curve(stage.id, "loss", stage.loss),
            held_out=self._curve(stage.id, "held-out", stage.held_out),
            accuracies=self._curve(stage.id, "accuracy", stage.accuracies),
            learning_rate=self._curve(stage.id, "learning rate", stage.learning_rate),
            pace=self._curve(stage.id, "pace", stage.pace),
            terms=self._curves_of(stage, "terms"),
            gradient_norms=self._curves_of(stage, "gradient_norms"),
            quarters=self._curves_of(stage, "quarters"),
            vitals=self._curves_of(stage, "vitals"),
            seconds=stage.seconds,
            quality=self._evaluations.joined(stage.id, stage.quality),
            checkpoints=tuple(stage.checkpoints),
            resumed=tuple(stage.resumed),
            begun=stage.begun,
            judging=stage.judging + judging,
            trained=stage.state in ("trained", "evaluating", "done"),
            strip=shelf.newest,
            strips=shelf.strips,
        )

    def _log_lines(self, mirror: RunMirror) -> tuple[LogLine, ...]:
        """Return the newest lines of the log; the same tuple as before, where none was added."""
        if mirror.log_count != self._logged:
            self._logged = mirror.log_count
            self._log = tuple(LogLine(*line) for line in mirror.log)
        return self._log

    def _curves_of(self, stage: StageMirror, group: str) -> dict[str, Curve]:
        kept: dict[str, Series] = getattr(stage, group)
        return {name: self._curve(stage.id, f"{group}/{name}", series) for name, series in kept.items()}

    def _curve(self, stage: str, name: str, series: Series) -> Curve:
        """Return a copy of a series; the copy made before, where nothing was added."""
        old = self._curves.get((stage, name), EMPTY)
        if len(old) != len(series) or (len(old) and old.steps[-1] != series.steps[-1]):
            old = self._curves[stage, name] = Curve.of(series)
        return old

    def _look_at_strips(self, folder: RunFolder, mirror: RunMirror) -> int:
        """Look for new strips; returns a number that grows whenever there are some."""
        for stage in mirror.stages.values():
            self._shelves.setdefault(stage.id, StripShelf(folder.stage(stage.id) / "samples")).look()
        return sum(shelf.version for shelf in self._shelves.values())


def _state(folder: RunFolder, pulse: Pulse) -> tuple[str, JobStatus | None, str]:
    """Return state, status and, while somebody works on it, who."""
    state, status = run_state(folder, pulse)
    holder = current_holder(folder) if status and not status.state.ended and state != "lost" else None
    return state, status, f"process {holder.pid} on {holder.host}" if holder else ""


def _judging(mirror: RunMirror, stage: StageMirror, state: str) -> float:
    """Return for how many seconds a stage is being judged at the moment."""
    phase = mirror.phase
    judged = state == "running" and phase and phase.phase == "evaluating" and phase.stage == stage.id
    return max(0.0, time.time() - phase.time) if phase and judged else 0.0


def _still(status: JobStatus | None) -> JobStatus | None:
    """Return a status without its heartbeat, which changes without anything to show."""
    return status.model_copy(update={"heartbeat": 0}) if status else None
