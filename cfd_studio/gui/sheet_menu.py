"""What else can be done with a sheet of samples."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu

from cfd_studio.gui.widgets.buttons import Button


class SheetMenu(Button):
    """A button with a menu.

    Signals
    -------
    open_wanted
        A sheet that was saved is to be drawn again.
    report_wanted
        A report of the run, with the sheet at its head.
    """

    open_wanted = Signal()
    report_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(icon="ellipsis", tip="Open a saved sheet, or export a report")
        menu = QMenu(self)
        menu.addAction("Open sheet…", self.open_wanted.emit)
        menu.addAction("Export report…", self.report_wanted.emit)
        self.setMenu(menu)
