"""Copies the command that starts the run of the form; a recipe that no preset leads to is saved first."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.draft import Draft
from cfd_studio.gui.models.train_command import exact_settings, train_command
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import atomic


class CommandCopy(QObject):
    """Puts the line on the clipboard.

    Signals
    -------
    said(str, bool)
        What was done, or why not; and whether it went wrong.
    """

    said = Signal(str, bool)

    def __init__(self, parent: QWidget, clerk: Clerk) -> None:
        super().__init__(parent)
        self._window = parent
        self._clerk = clerk

    def copy(self, draft: Draft, folder: Path, request: ExecutionRequest) -> None:
        """Copy the command; ask where the recipe is to lie if it has to be saved."""
        settings = exact_settings(draft)
        if settings is not None:
            self._put(train_command(draft.origin.command, settings, folder, request))
            return
        start = Path.home() / f"{folder.name}.json"
        file = dialogs.choose_target(self._window, "Save the recipe for the command", start, "Recipes (*.json)")
        if file is not None:
            content = json.dumps(draft.recipe, indent=2).encode()
            put = partial(self._put, train_command(str(file), [], folder, request))
            self._clerk.submit(partial(atomic.write_bytes, file, content), _ignoring(put), self._not_saved)

    def _put(self, line: str) -> None:
        QGuiApplication.clipboard().setText(line)
        self.said.emit("The command is on the clipboard.", False)

    def _not_saved(self, error: Exception) -> None:
        self.said.emit(f"The recipe could not be written: {error}", True)


def _ignoring(call: Callable[[], None]) -> Callable[[object], None]:
    return lambda _result: call()
