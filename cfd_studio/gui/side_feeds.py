"""Follows runs besides the one that is open: those whose curves or models stand beside its own."""

from collections.abc import Set
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.run_feed import RunFeed

MOST_RUNS = 8


class SideFeeds(QObject):
    """One feed per run that somebody wants beside the open one.

    Signals
    -------
    changed
        There are new snapshots, or fewer.
    failed(object, str)
        The path of a run that cannot be read, and why; nobody gets it.
    """

    changed = Signal()
    failed = Signal(object, str)

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self._clerk = clerk
        self._wanted: dict[str, frozenset[Path]] = {}
        self._feeds: dict[Path, RunFeed] = {}
        self.snapshots: dict[Path, RunSnapshot] = {}

    def want(self, who: str, paths: Set[Path]) -> None:
        """Follow these runs for somebody, by whatever name, instead of those that were wanted before."""
        self._wanted[who] = frozenset(paths)
        everybody: set[Path] = set().union(*self._wanted.values())
        for path in self._feeds.keys() - everybody:
            self._clerk.submit(self._feeds.pop(path).close)
            self.snapshots.pop(path, None)
        for path in sorted(everybody - self._feeds.keys())[: MOST_RUNS - len(self._feeds)]:
            self._feeds[path] = RunFeed(path)
        self.changed.emit()

    def tick(self) -> None:
        """Fetch what is new; called ten times a second."""
        new = False
        for path, feed in list(self._feeds.items()):
            if error := feed.take_error():
                self._clerk.submit(self._feeds.pop(path).close)
                self.failed.emit(path, error)
            elif snapshot := feed.take():
                self.snapshots[path] = snapshot
                new = True
        if new:
            self.changed.emit()

    def close(self) -> None:
        """End all threads."""
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
