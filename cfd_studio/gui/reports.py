"""Saves a debug bundle of an error that a person wants to report."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.bundle_dialog import BundleDialog
from cfd_studio.gui.widgets import dialogs
from cfd_studio.workspace.bundle import write_bundle

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class Reports(QObject):
    """Asks what is to be in the bundle, and where it goes."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._error = ""
        self._clerk: Clerk | None = None
        window.banner.report_wanted.connect(self._ask)

    @Slot(str)
    def _ask(self, error: str) -> None:
        self._error = error
        dialog = BundleDialog(self._window, of_run=self._window.open_path is not None)
        dialog.wanted.connect(self._save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(bool)
    def _save(self, heavy: bool) -> None:
        start = Path.home() / time.strftime("cfd-studio-debug-%Y%m%d-%H%M%S.zip")
        target = dialogs.choose_target(self._window, "Save the debug bundle", start, "Zip (*.zip)")
        if target is not None:
            work = partial(write_bundle, target, self._window.open_path, self._error, heavy=heavy)
            # A clerk of its own: weights take a while, and a Stop must not wait for them.
            self._clerk = self._clerk or Clerk(self._window.bridge)
            self._clerk.submit(work, self._saved, self._not_saved)

    def close(self) -> None:
        """Finish what is being written."""
        if self._clerk is not None:
            self._clerk.close()

    def _saved(self, target: Path) -> None:
        self._window.say(f"The debug bundle lies in {target}.", kind="info")

    def _not_saved(self, error: Exception) -> None:
        self._window.say(str(error))
