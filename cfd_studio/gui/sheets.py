"""Sheets of samples as files: saved with their setting, opened again, and at the head of a report."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice, QObject, Slot
from PySide6.QtGui import QImage

from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sheets import Sheet
from cfd_studio.runs import atomic
from cfd_studio.runs.outputs import check_output, writing
from cfd_studio.workspace.report import SheetPicture
from cfd_studio.workspace.sheet_files import SHEET_KEY, read_sheet

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

_KINDS = "Sheets (*.png)"


class Sheets(QObject):
    """Has sheets written and read where the window does not wait."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        compare = window.page.compare
        compare.save_wanted.connect(self._save)
        compare.bar.more.open_wanted.connect(self.choose)
        compare.bar.more.report_wanted.connect(self._report)

    @Slot()
    def choose(self) -> None:
        """Ask for a sheet and open it."""
        file = dialogs.choose_file(self._window, "Open sheet", Path.home(), _KINDS)
        if file is not None:
            self.open(file)

    def open(self, file: Path) -> None:
        """Draw a sheet again from the setting that its picture carries, in its first run."""
        self._window.clerk.submit(partial(read_sheet, file), self._opened, self._failed)

    def _opened(self, sheet: Sheet) -> None:
        window = self._window
        if window.page.snapshot is None or window.open_path is None:
            window.open_run(sheet.models[0].folder)
        window.page.restore_sheet(sheet)

    @Slot(object)
    def _save(self, picture: QImage) -> None:
        path = self._window.open_path
        start = Path.home() / f"{path.name if path else 'samples'}.png"
        target = dialogs.choose_target(self._window, "Save the samples", start, "PNG (*.png)")
        if target is not None:
            sheet = self._window.page.compare.sheet()
            self._window.clerk.submit(partial(_write, target, picture, sheet), None, self._failed)

    @Slot()
    def _report(self) -> None:
        path, compare = self._window.open_path, self._window.page.compare
        if path is not None:
            sheet = compare.sheet()
            picture = compare.grid.picture() if sheet is not None else None
            self._window.transfers.save_report(path, partial(_picture, picture, sheet) if picture and sheet else None)

    def _failed(self, error: Exception) -> None:
        self._window.say(str(error))


def _write(target: Path, picture: QImage, sheet: Sheet | None) -> None:
    if sheet is not None:
        picture.setText(SHEET_KEY, sheet.model_dump_json())
    check_output(target)
    with writing(target):
        atomic.write_bytes(target, _png(picture))


def _picture(picture: QImage, sheet: Sheet) -> SheetPicture:
    models = ", ".join(dict.fromkeys(model.stage for model in sheet.models))
    return SheetPicture(_png(picture), f"{models}. Image i starts from the same noise in every cell.")


def _png(picture: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise CfdError("the picture is too large to be written", advice="Draw fewer cells, or fewer images.")
    return bytes(buffer.data().data())
