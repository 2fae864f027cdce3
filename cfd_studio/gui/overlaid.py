"""Other stages and runs whose curves stand on the chart of the open one."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cfd_studio.gui.chart_tools import RUNS, STAGES
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.side_feeds import SideFeeds
from cfd_studio.gui.widgets.tick_menu import TickMenu
from cfd_studio.runs.catalog import RunSummary

_MOST_RUNS = 20  # in the menu, the newest ones
_WHO = "curves"


class Overlaid(QObject):
    """Keeps the menu and the feeds of other runs in step.

    Signals
    -------
    changed
        There is something else to draw.
    """

    changed = Signal()

    def __init__(self, menu: TickMenu, feeds: SideFeeds) -> None:
        super().__init__()
        self._menu = menu
        self._feeds = feeds
        menu.changed.connect(self._ticked)
        feeds.changed.connect(self._fed)
        feeds.failed.connect(self._failed)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the open run that are ticked."""
        return self._menu.ticked(STAGES)

    @property
    def runs(self) -> dict[Path, RunSnapshot]:
        """The other runs that are ticked, as far as they have been read."""
        paths = map(Path, self._menu.ticked(RUNS))
        return {path: self._feeds.snapshots[path] for path in paths if path in self._feeds.snapshots}

    def offer_stages(self, stages: Iterable[str]) -> None:
        """Offer the stages of the open run."""
        self._menu.offer(STAGES, {stage: stage for stage in stages})

    def offer_runs(self, runs: Iterable[RunSummary]) -> None:
        """Offer other runs; those that are ticked stay."""
        words = {str(run.path): f"{run.name}  ({run.path.name})" for run in list(runs)[:_MOST_RUNS]}
        kept = {path: Path(path).name for path in self._menu.ticked(RUNS) if path not in words}
        self._menu.offer(RUNS, words | kept)

    def clear(self) -> None:
        """Draw the open run alone."""
        self._menu.tick(STAGES, ())
        self._menu.tick(RUNS, ())
        self._feeds.want(_WHO, frozenset())

    def _ticked(self) -> None:
        self._feeds.want(_WHO, {Path(path) for path in self._menu.ticked(RUNS)})
        self.changed.emit()

    def _fed(self) -> None:
        if self._menu.ticked(RUNS):
            self.changed.emit()

    def _failed(self, path: Path, _: str) -> None:
        self._menu.tick(RUNS, tuple(one for one in self._menu.ticked(RUNS) if one != str(path)))
