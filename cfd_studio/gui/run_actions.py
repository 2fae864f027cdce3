"""What the list of runs can have done with one: resume, describe, clone, show, forget, throw away."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QFile, QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from shiboken6 import isValid

from cfd_studio.gui.about_dialog import AboutDialog
from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.trash_dialog import TrashDialog
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.about import About, change_about, read_about
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.removal import refuse_at_work, size_of

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class RunActions(QObject):
    """Does it, with a clerk of its own: a folder that does not answer holds up no command and no setting."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._clerk = Clerk(window.bridge)
        self._to_resume: Path | None = None
        self._dialog: AboutDialog | None = None
        self._verbs = {
            "open": self._open,
            "resume": self._resume,
            "describe": self._describe,
            "clone": self._clone,
            "show_folder": self._show_folder,
            "copy_path": self._copy_path,
            "forget": self._forget_one,
            "discard": self._discard,
        }

    @Slot(str, object)
    def do(self, verb: str, run: ListedRun) -> None:
        """Do one of `cfd_studio.gui.run_verbs.VERBS` with a run."""
        self._verbs[verb](run)

    @Slot(object)
    def forget(self, runs: list[Path]) -> None:
        """Take runs that lie elsewhere out of the list; nothing of them is touched."""
        preferences = self._window.preferences
        preferences.remember(preferences.settings.forgetting(runs))
        self._window.catalog.watch(preferences.settings.opened)

    def observe(self, snapshot: RunSnapshot) -> None:
        """Resume the run that was opened for it, now that it is known how it stands."""
        wanted, self._to_resume = self._to_resume, None
        if snapshot.path == wanted and not snapshot.active and not snapshot.complete:
            self._window.beginnings.start_again(snapshot)

    def close(self) -> None:
        """Save what is still being typed, and end the thread."""
        if self._dialog is not None:
            self._dialog.flush()
            self._dialog.done(0)
        self._clerk.close()

    def _open(self, run: ListedRun) -> None:
        self._window.open_run(run.path)

    def _resume(self, run: ListedRun) -> None:
        self._to_resume = run.path
        self._window.open_run(run.path)
        if (snapshot := self._window.page.snapshot) is not None:
            self.observe(snapshot)

    def _describe(self, run: ListedRun) -> None:
        def read() -> tuple[str, About]:
            return RunFolder(run.path).config().name, read_about(run.path)

        self._clerk.submit(read, partial(self._edit, run.path), self._failed)

    def _edit(self, path: Path, read: tuple[str, About]) -> None:
        dialog = AboutDialog(self._window, *read)
        dialog.changed.connect(partial(self._save, dialog, path))
        dialog.finished.connect(self._edited)
        dialog.finished.connect(dialog.deleteLater)
        self._dialog = dialog
        dialog.open()

    def _save(self, dialog: AboutDialog, path: Path, changes: dict[str, Any]) -> None:
        def saved(_: About) -> None:
            self._window.catalog.nudge()
            if isValid(dialog):  # the person may have given up waiting
                dialog.saved()

        def refused(error: Exception) -> None:
            if isValid(dialog):
                dialog.refused(str(error))

        self._clerk.submit(partial(change_about, path, **changes), saved, refused)

    def _edited(self) -> None:
        self._dialog = None

    def _clone(self, run: ListedRun) -> None:
        self._window.beginnings.fill_form_from_run(run.path)

    def _show_folder(self, run: ListedRun) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path))):
            self._window.say(f"Nothing on this system shows folders; the run lies in {run.path}.", kind="info")

    def _copy_path(self, run: ListedRun) -> None:
        QGuiApplication.clipboard().setText(str(run.path))

    def _forget_one(self, run: ListedRun) -> None:
        self.forget([run.path])

    def _discard(self, run: ListedRun) -> None:
        self._clerk.submit(partial(refuse_at_work, run.path), lambda _: self._confirm(run), self._failed)

    def _confirm(self, run: ListedRun) -> None:
        dialog = TrashDialog(self._window, run.summary)
        dialog.confirmed.connect(partial(self._throw_away, run))
        dialog.finished.connect(dialog.deleteLater)

        def measured(size: int) -> None:
            if isValid(dialog):
                dialog.show_size(size)

        def not_measured(error: Exception) -> None:
            if isValid(dialog):
                dialog.show_no_size(error)

        self._clerk.submit(partial(size_of, run.path), measured, not_measured)
        dialog.open()

    def _throw_away(self, run: ListedRun) -> None:
        if run.path in self._window.controller.jobs_here():
            self._window.say(f"A job works on “{run.summary.name}”. Stop it first; nothing was deleted.")
            return
        self._window.close_run(run.path)

        def move() -> None:
            refuse_at_work(run.path)
            if not _to_trash(run.path):
                raise CfdError(
                    "there is no trash for the disk that this run lies on, so nothing was deleted",
                    where=str(run.path),
                    advice="Delete the folder yourself if you are sure.",
                )

        def moved(_: None) -> None:
            self.forget([run.path])
            self._window.say(f"“{run.summary.name}” was moved to the trash.", kind="info")

        self._clerk.submit(move, moved, self._failed)

    def _failed(self, error: Exception) -> None:
        self._window.say(str(error))


def _to_trash(run: Path) -> bool:
    moved = QFile.moveToTrash(str(run))
    return bool(moved[0] if isinstance(moved, tuple) else moved)
