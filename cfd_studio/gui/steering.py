"""What the buttons of an open run do, and what the controller answers."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.errands import ExportFormat
from cfd_studio.workspace.settings import Settings

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class Steering(QObject):
    """Turns the wishes of the run page into calls of the controller."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        header, controller = window.page.header, window.controller
        header.start_wanted.connect(self._start)
        header.parts_wanted.connect(self._start_in_parts)
        header.worker_wanted.connect(self._choose_worker)
        header.wanted.connect(self._send)
        header.discard_wanted.connect(self._discard)
        window.page.stages.export_wanted.connect(self._export)
        controller.failed.connect(self._failed)
        controller.too_late.connect(self._too_late)
        controller.moved.connect(self._moved)

    @Slot()
    def _start(self) -> None:
        if (snapshot := self._window.page.snapshot) is not None:
            self._window.beginnings.start_again(snapshot)

    @Slot()
    def _start_in_parts(self) -> None:
        if (snapshot := self._window.page.snapshot) is not None:
            self._window.beginnings.start_again(snapshot, split=True)

    @Slot(str)
    def _choose_worker(self, worker: str) -> None:
        preferences = self._window.preferences
        preferences.remember(Settings.model_validate(preferences.settings.model_dump() | {"worker": worker}))

    @Slot(str)
    def _send(self, verb: str) -> None:
        if (path := self._window.open_path) is not None:
            self._window.controller.send(path, Verb(verb))

    @Slot()
    def _discard(self) -> None:
        snapshot = self._window.page.snapshot
        if snapshot is None:
            return
        text = f"The job ends without saving. The run falls back to {snapshot.fallback()}. No checkpoint is deleted."
        if dialogs.ask(self._window, "Stop and discard?", text, "Stop and discard", destructive=True):
            self._window.controller.send(snapshot.path, Verb.STOP_DISCARD)

    @Slot(str, str)
    def _export(self, stage: str, to: ExportFormat) -> None:
        window = self._window
        if (path := window.open_path) is not None:
            window.transfers.export(path, stage, to, window.preferences.settings.device)

    @Slot(object, str, str)
    def _failed(self, _: Path | None, sentence: str, details: str) -> None:
        self._window.say(sentence, details)

    @Slot(object)
    def _too_late(self, _: Path) -> None:
        self._window.say("The run had ended already.", kind="info")

    @Slot(object)
    def _moved(self, _: Path) -> None:
        self._window.say(
            "The device failed in this window, so the job runs in a process of its own. Open the window again to draw "
            "samples on the device.",
            kind="info",
        )
