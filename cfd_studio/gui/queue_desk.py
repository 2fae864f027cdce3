"""The queue in the window: its page, its button with the count, and its banner."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cfd_studio.gui.devices import device_choices
from cfd_studio.gui.models.queue_list import queue_row
from cfd_studio.gui.panels.queue import QueuePanel
from cfd_studio.gui.queue_editor import QueueEditor
from cfd_studio.gui.queue_keeper import QueueKeeper
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.workspace.settings import Settings

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

_FEEDS = "queue"


class QueueDesk(QObject):
    """Wires keeper and panel to the window."""

    def __init__(self, window: "MainWindow", keeper: QueueKeeper, panel: QueuePanel) -> None:
        super().__init__(window)
        self._window = window
        self._keeper = keeper
        self._panel = panel
        self._followed: frozenset[Path] = frozenset()
        self._devices = device_choices()
        settings = window.preferences.settings
        panel.show_manners(notify=settings.notify, awake=settings.keep_awake)
        panel.going_wanted.connect(self._set_going)
        panel.move_wanted.connect(keeper.move)
        panel.retry_wanted.connect(keeper.retry)
        panel.remove_wanted.connect(keeper.remove)
        panel.edit_wanted.connect(self._edit)
        panel.open_wanted.connect(self._open)
        panel.new_wanted.connect(window.show_new_run)
        panel.notify_wanted.connect(partial(self._remember, "notify"))
        panel.awake_wanted.connect(partial(self._remember, "keep_awake"))
        keeper.changed.connect(self._refresh)
        keeper.said.connect(self._say)
        keeper.found.connect(self._ask)
        window.queue_arrivals.said.connect(self._say)
        window.queue_arrivals.created.connect(self._created)
        window.sidebar.queue.clicked.connect(self.show)
        window.side_feeds.changed.connect(self._refresh)
        window.pages.currentChanged.connect(self._refresh)
        window.page.header.queue_wanted.connect(self._enqueue_open)
        self._refresh()

    @Slot()
    def show(self) -> None:
        """Turn to the queue."""
        self._window.pages.setCurrentWidget(self._panel)
        self._panel.list.setFocus()

    def enqueue_again(self, path: Path) -> None:
        """Let a run that exists wait for its turn, as its last job ran."""
        self._window.queue_arrivals.enqueue_again(path, self._window.beginnings.request_again)

    @Slot(object, bool)
    def _created(self, path: Path, show: bool) -> None:
        if show:
            self._window.open_run(path)
        else:
            self._window.list_run(path)

    @Slot()
    def _enqueue_open(self) -> None:
        if (path := self._window.open_path) is not None:
            self.enqueue_again(path)

    @Slot()
    def _refresh(self) -> None:
        """Show the queue; the runs at work are followed only while somebody looks."""
        keeper, window = self._keeper, self._window
        entries = keeper.queue.entries
        looking = window.pages.currentWidget() is self._panel
        running = frozenset(entry.path for entry in keeper.queue.in_state("running")) if looking else frozenset()
        if running != self._followed:
            self._followed = running
            window.side_feeds.want(_FEEDS, running)
        count = len(keeper.queue.ready) + len(keeper.queue.in_state("running"))
        window.sidebar.show_queue(count)
        if looking:
            seen = window.side_feeds.snapshots
            rows = [queue_row(entry, place, seen.get(entry.path)) for place, entry in enumerate(entries, start=1)]
            self._panel.show_queue(rows, going=keeper.going, reason="" if keeper.ours else keeper.reason)

    @Slot(bool)
    def _set_going(self, going: bool) -> None:
        if going:
            self._keeper.go()
        else:
            self._keeper.pause()

    @Slot(str)
    def _edit(self, id: str) -> None:  # noqa: A002, it is the entry's field
        entry = self._keeper.queue.find(id)
        if entry is None or entry.state == "running":
            return
        editor = QueueEditor(self._window, entry, self._devices)
        editor.wanted.connect(self._edited)
        editor.finished.connect(editor.deleteLater)
        editor.open()

    @Slot(str, object, float)
    def _edited(self, id: str, request: ExecutionRequest, not_before: float) -> None:  # noqa: A002
        self._keeper.edit(id, request, not_before)

    @Slot(str)
    def _open(self, id: str) -> None:  # noqa: A002
        if (entry := self._keeper.queue.find(id)) is not None:
            self._window.open_run(entry.path)

    @Slot(str, str)
    def _say(self, sentence: str, kind: str) -> None:
        self._window.say(sentence, kind=kind)

    @Slot(int)
    def _ask(self, waiting: int) -> None:
        sentence = "1 run waits in the queue." if waiting == 1 else f"{waiting} runs wait in the queue."
        self._window.banner.say(sentence, kind="info", action=("Start the queue", self._keeper.go))

    def _remember(self, name: str, on: bool) -> None:
        preferences = self._window.preferences
        preferences.remember(Settings.model_validate(preferences.settings.model_dump() | {name: on}))
