"""What comes into the application from elsewhere, and what leaves it: checkpoints, exports, pictures."""

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.import_dialog import ImportDialog
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.errands import ErrandAnswer, ExportErrand, ExportFormat, ImportErrand
from cfd_studio.runs import atomic
from cfd_studio.runs.outputs import check_output, writing
from cfd_studio.workspace.folders import runs_folder
from cfd_studio.workspace.report import SheetPicture, write_report

_CHECKPOINTS = "Checkpoints (*.pt *.pth *.ckpt);;All files (*)"
_TARGETS: dict[ExportFormat, tuple[str, str]] = {
    "safetensors": (".safetensors", "Safetensors (*.safetensors)"),
    "onnx": (".onnx", "ONNX (*.onnx)"),
    "images": ("", "A new folder (*)"),
}


class Transfers(QObject):
    """Asks for files, and has them read or written where the window does not wait.

    Signals
    -------
    said(str, str, str)
        A sentence, details, and the kind of message.
    imported(object)
        The folder of a run that was made of a checkpoint.
    """

    said = Signal(str, str, str)
    imported = Signal(object)

    def __init__(self, window: QWidget, desk: ErrandDesk, clerk: Clerk) -> None:
        super().__init__(window)
        self._window = window
        self._desk = desk
        self._clerk = clerk

    @Slot()
    def choose_checkpoint(self) -> None:
        """Ask for a checkpoint."""
        file = dialogs.choose_file(self._window, "Import checkpoint", Path.home(), _CHECKPOINTS)
        if file is not None:
            self.ask_about_checkpoint(file)

    def ask_about_checkpoint(self, file: Path) -> None:
        """Ask what must be known of a checkpoint."""
        slug = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:40] or "imported"
        dialog = ImportDialog(self._window, file, runs_folder() / f"{slug}-{time.strftime('%Y%m%d-%H%M%S')}")
        dialog.wanted.connect(self._import)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(object)
    def _import(self, errand: ImportErrand) -> None:
        self.said.emit(f"Importing {errand.file.name}…", "", "info")
        self._desk.send(errand, self._imported)

    def _imported(self, answer: ErrandAnswer) -> None:
        assert isinstance(answer.errand, ImportErrand)
        if answer.error is None:
            self.imported.emit(answer.errand.folder)
        self._tell(answer)

    def export(self, run: Path, stage: str, to: ExportFormat, device: str) -> None:
        """Ask where a trained model is to be written, and have it written."""
        suffix, kinds = _TARGETS[to]
        start = Path.home() / f"{run.name}-{stage}{suffix}"
        out = dialogs.choose_target(self._window, f"Export {stage}", start, kinds)
        if out is None:
            return
        self.said.emit(f"Exporting {stage} to {out}…", "", "info")
        self._desk.send(ExportErrand(run, stage, to, out, device), self._tell)

    def save_text(self, text: str, name: str) -> None:
        """Ask where a text is to be saved, and save it."""
        target = dialogs.choose_target(self._window, "Save", Path.home() / name, f"*{Path(name).suffix}")
        if target is not None:
            self._clerk.submit(partial(_write_text, target, text), None, self._not_saved)

    def save_report(self, run: Path, sheet: Callable[[], SheetPicture] | None = None) -> None:
        """Ask where a report of a run is to be written, and write it."""
        start = Path.home() / f"{run.name}-report.html"
        target = dialogs.choose_target(self._window, "Export report", start, "HTML (*.html)")
        if target is not None:
            self.said.emit(f"Writing a report of {run.name}…", "", "info")
            self._clerk.submit(partial(_write_report, run, target, sheet), self._told, self._not_saved)

    def _told(self, sentence: str) -> None:
        self.said.emit(sentence, "", "info")

    def _not_saved(self, error: Exception) -> None:
        self.said.emit(str(error), "", "error")

    def _tell(self, answer: ErrandAnswer) -> None:
        sentence, _, details = (answer.error or answer.sentence).partition("\n")
        self.said.emit(sentence, details, "info" if answer.error is None else "error")


def _write_text(target: Path, text: str) -> None:
    check_output(target)
    with writing(target):
        atomic.write_bytes(target, text.encode())


def _write_report(run: Path, target: Path, sheet: Callable[[], SheetPicture] | None) -> str:
    return write_report(run, target, sheet() if sheet else None)
