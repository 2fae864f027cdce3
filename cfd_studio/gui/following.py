"""The run that is open: followed by a feed, shown as it stands, and its end told once."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import ending
from cfd_studio.gui.run_feed import RunFeed

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class Following(QObject):
    """Passes on what the feed of the open run brings.

    Parameters
    ----------
    window : MainWindow
    """

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._feed: RunFeed | None = None
        self._told: set[tuple[Path, int]] = set()
        window.controller.changed.connect(self._controller_changed)
        window.queue.changed.connect(self._asked_changed)

    @property
    def path(self) -> Path | None:
        """The folder of the run; None where none is open."""
        return self._feed.path if self._feed is not None else None

    def follow(self, path: Path) -> None:
        """Follow a run instead of the one before."""
        self.leave()
        self._window.banner.clear()
        self._feed = RunFeed(path)

    def leave(self) -> None:
        """Follow none, and clear the page."""
        if self._feed is not None:
            self._feed.leave()
            self._feed = None
        self._window.page.reset()

    def nudge(self) -> None:
        """Have the folder read at once."""
        if self._feed is not None:
            self._feed.nudge()

    def close(self) -> None:
        """End the thread of the feed."""
        if self._feed is not None:
            self._feed.close()

    def tick(self) -> None:
        """Show what is new."""
        if self._feed is None:
            return
        if error := self._feed.take_error():
            self.leave()
            self._window.show_home()
            self._window.say(error)
        elif snapshot := self._feed.take():
            self._show(snapshot)

    def _show(self, snapshot: RunSnapshot) -> None:
        window, before = self._window, self._window.page.snapshot
        window.controller.observe(snapshot)
        self._refresh(snapshot)
        self._tell_end(snapshot)
        window.run_actions.observe(snapshot)
        if before is None or before.state != snapshot.state:
            window.catalog.nudge()
        demos = window.beginnings.demos
        if snapshot.complete and not snapshot.active and snapshot.path in demos:
            demos.discard(snapshot.path)
            window.pages.setCurrentWidget(window.page)
            window.page.compare_few_steps()

    def _refresh(self, snapshot: RunSnapshot) -> None:
        window, path = self._window, snapshot.path
        window.page.header.show_worker(window.preferences.settings.worker)
        window.page.judge.show_evaluating(window.judging.evaluates(path))
        asked = window.controller.asked(path) | window.queue.asked(path)
        window.page.show_snapshot(snapshot, asked, ours=window.controller.in_window(path))

    def _tell_end(self, snapshot: RunSnapshot) -> None:
        """Say once how a job failed, and where the run goes on."""
        key = (snapshot.path, snapshot.job)
        message = ending(snapshot)
        if message is not None and key not in self._told:
            self._told.add(key)
            self._window.say(*message)

    @Slot(object)
    def _controller_changed(self, path: Path) -> None:
        if path == self.path:
            self.nudge()
            self._asked_changed()

    @Slot()
    def _asked_changed(self) -> None:
        snapshot = self._window.page.snapshot
        if snapshot is not None:
            self._refresh(snapshot)
