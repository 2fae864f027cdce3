"""Follows runs besides the one that is open: those whose curves or models stand beside its own."""

from collections.abc import Set
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.run_feed import RunFeed

MOST_RUNS = 8
_FULL = f"{MOST_RUNS} runs are followed beside the open one, in curves and comparisons together; take one away first."


class SideFeeds(QObject):
    """One feed per run that somebody wants beside the open one.

    Signals
    -------
    changed
        There are new snapshots, or fewer.
    failed(object, str)
        The path of a run that cannot be read, or for which there is no room, and why; nobody gets it.
    full(str)
        The sentence for whoever wanted one too many.
    """

    changed = Signal()
    failed = Signal(object, str)
    full = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._wanted: dict[str, frozenset[Path]] = {}
        self._feeds: dict[Path, RunFeed] = {}
        self.snapshots: dict[Path, RunSnapshot] = {}

    def want(self, who: str, paths: Set[Path]) -> None:
        """Follow these runs for somebody, by whatever name, instead of those that were wanted before."""
        self._wanted[who] = frozenset(paths)
        everybody: set[Path] = set().union(*self._wanted.values())
        for path in self._feeds.keys() - everybody:
            self._feeds.pop(path).leave()
            self.snapshots.pop(path, None)
        new = sorted(everybody - self._feeds.keys())
        room = MOST_RUNS - len(self._feeds)
        for path in new[:room]:
            self._feeds[path] = RunFeed(path)
        self.changed.emit()
        for path in new[room:]:
            self._give_up(path, _FULL)
        if new[room:]:
            self.full.emit(_FULL)

    def tick(self) -> None:
        """Fetch what is new; called ten times a second."""
        new = False
        for path, feed in list(self._feeds.items()):
            if error := feed.take_error():
                self._feeds.pop(path).leave()
                self._give_up(path, error)
            elif snapshot := feed.take():
                self.snapshots[path] = snapshot
                new = True
        if new:
            self.changed.emit()

    def _give_up(self, path: Path, reason: str) -> None:
        """Follow a run for nobody until somebody wants it anew."""
        self._wanted = {who: paths - {path} for who, paths in self._wanted.items()}
        self.failed.emit(path, reason)

    def close(self) -> None:
        """End all threads."""
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
