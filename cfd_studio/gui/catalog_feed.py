"""Keeps the list of runs current from threads of its own."""

import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtGui import QImage

from cfd_studio.gui.lookout import Lookout
from cfd_studio.gui.thumbnails import ThumbnailReader
from cfd_studio.runs.catalog import RunReader, RunSummary, run_folders
from cfd_studio.runs.pulse import Pulse

POLL_SECONDS = 2.0
SLICE_SECONDS = 0.25  # between two lists, while some runs are read and others not yet
AWAY = "Its folder does not answer. The run is shown as it was seen last."
GONE = "Its folder is not there. It may be on a disk or a share that is not connected."


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run in the list; ``elsewhere`` where it lies outside of the folder for runs."""

    summary: RunSummary
    thumbnail: QImage | None = None
    elsewhere: bool = False

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.summary.path


class _Watch:
    """One run that is looked at again and again."""

    def __init__(self, path: Path, *, elsewhere: bool) -> None:
        self.elsewhere = elsewhere
        self._path = path
        self._reader = RunReader(path, Pulse())
        self._thumbnail = ThumbnailReader()
        self.seen = ListedRun(RunSummary(path, path.name, "away", 0, 0, 0.0, 0.0, AWAY), elsewhere=elsewhere)

    def look(self) -> ListedRun:
        if not (self._path / "run.json").is_file():
            gone = replace(self.seen.summary, state="gone", sentence=GONE)
            return replace(self.seen, summary=gone)
        summary = self._reader.read()
        return ListedRun(summary, self._thumbnail.read(summary.strip), self.elsewhere)

    def away(self) -> ListedRun:
        return replace(self.seen, summary=replace(self.seen.summary, state="away", sentence=AWAY))


class CatalogFeed:
    """Lists the runs below a folder, and those opened elsewhere, which stay where they are gone.

    Parameters
    ----------
    root : Path
    opened : tuple of Path
        Run folders outside of it.
    """

    def __init__(self, root: Path, opened: tuple[Path, ...] = ()) -> None:
        self._root = root
        self._opened = opened
        self._inside: frozenset[Path] = frozenset()
        self._watches: dict[Path, _Watch] = {}
        self._lock = threading.Lock()
        self._newest: list[ListedRun] | None = None
        self._lookout: Lookout[ListedRun | frozenset[Path]] = Lookout()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._follow, name="cfd-catalog", daemon=True)
        self._thread.start()

    def take(self) -> list[ListedRun] | None:
        """Return the newest list, or None where nothing changed since the last call."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    def watch(self, opened: tuple[Path, ...]) -> None:
        """Choose the run folders outside the root, and list at once."""
        self._opened = opened
        self._wake.set()

    def nudge(self) -> None:
        """List at once."""
        self._wake.set()

    def close(self) -> None:
        """End the threads."""
        self._closing = True
        self._wake.set()
        self._thread.join(10)
        self._lookout.close()

    def _follow(self) -> None:
        told: list[ListedRun] | None = None
        due = 0.0
        while not self._closing:
            if self._wake.is_set() or time.monotonic() >= due:
                self._wake.clear()
                self._ask()
                due = time.monotonic() + POLL_SECONDS
            if self._take_in(self._lookout.collect(SLICE_SECONDS)):
                self._wake.set()  # there are others to be asked after
                continue
            runs = self._list()
            if runs != told and (runs or not self._lookout.busy):
                told = runs
                with self._lock:
                    self._newest = list(runs)
            if not self._lookout.busy:
                self._wake.wait(max(0.0, due - time.monotonic()))

    def _ask(self) -> None:
        self._lookout.ask(self._root, partial(_folders, self._root))
        for path in self._inside.union(self._opened):
            elsewhere = path not in self._inside
            watch = self._watches.get(path)
            if watch is None or watch.elsewhere != elsewhere:
                watch = self._watches[path] = _Watch(path, elsewhere=elsewhere)
            self._lookout.ask(path, watch.look)

    def _take_in(self, answers: dict[Path, ListedRun | frozenset[Path]]) -> bool:
        """Keep what was seen; return whether runs came or went."""
        before = self._inside
        for path, answer in answers.items():
            if isinstance(answer, frozenset):
                self._inside = answer
            elif path in self._watches:
                self._watches[path].seen = answer
        for path in self._watches.keys() - self._inside.union(self._opened):
            del self._watches[path]
        return self._inside != before

    def _list(self) -> list[ListedRun]:
        """Return the runs as they were seen last, newest first."""
        silent = self._lookout.silent
        runs = [watch.away() if path in silent else watch.seen for path, watch in self._watches.items()]
        seen = [run for run in runs if run.summary.stages or run.summary.state != "away" or run.path in silent]
        return sorted(seen, key=lambda run: run.summary.begun, reverse=True)


def _folders(root: Path) -> frozenset[Path]:
    return frozenset(run_folders(root))
