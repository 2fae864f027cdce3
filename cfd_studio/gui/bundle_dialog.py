"""What a debug bundle holds, and whether images and weights come along."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.tick import Tick

_WORDS = (
    "A zip file with the error, versions, device, and the open run's config, status, plan and the ends of its log and "
    "journal. Your home folder, your user name and this machine's name are taken out; look into it before you send it."
)


class BundleDialog(QDialog):
    """Asks before a debug bundle is written.

    Signals
    -------
    wanted(bool)
        Whether with images and weights.
    """

    wanted = Signal(bool)

    def __init__(self, parent: QWidget, *, of_run: bool) -> None:
        super().__init__(parent)
        self.setWindowTitle("Debug bundle")
        self.heavy = Tick("Include the run's images and weights")
        self.heavy.setToolTip("They may be large, and the images may show what is yours")
        self.heavy.setVisible(of_run)
        self.accepting = Button("Save…", role="primary", tip="Choose where the bundle is saved")
        self.refusing = Button("Cancel", tip="Save nothing")
        self.accepting.setDefault(True)
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)
        column = dialog_column(self)
        column.addWidget(label("Save a debug bundle", "title"))
        column.addWidget(label(_WORDS, "muted", wrap=True))
        column.addWidget(self.heavy)
        column.addSpacing(8)
        column.addLayout(dialog_foot(self.refusing, self.accepting))
        self.setMinimumWidth(520)

    def _accept(self) -> None:
        self.accept()
        self.wanted.emit(self.heavy.isChecked())
