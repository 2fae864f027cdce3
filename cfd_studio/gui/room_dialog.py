"""How much room kept samples may take, and how much they take now."""

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.workspace.settings import MOST_DRAWINGS_MIB

_WHY = "What Compare and Inspect have drawn is kept on this machine, so that it is there at once the next time."


class RoomDialog(QDialog):
    """Asks for the room.

    Signals
    -------
    wanted(int)
        The room in MiB.
    emptying_wanted
        Nothing of what is kept is to stay.
    """

    wanted = Signal(int)
    emptying_wanted = Signal()

    def __init__(self, parent: QWidget, most_mib: int) -> None:
        super().__init__(parent)
        self.setWindowTitle("Kept samples")
        tip = "Where there is no more room, what was longest unused goes first; 0 keeps nothing"
        self.room = FieldRow("Room", text=str(most_mib), unit="MiB", tip=tip)
        self.used = label("Measuring…", "muted")
        self.empty = Button("Empty now", icon="trash-can", tip="Delete all kept samples; they can be drawn again")
        self.accepting = Button("Save", role="primary", tip="Keep this choice")
        self.refusing = Button("Cancel", tip="Leave the room as it was")
        self.empty.setEnabled(False)
        self._lay_out()
        self.room.edited.connect(self._read)
        self.empty.clicked.connect(self.emptying_wanted)
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)

    def show_used(self, size: int) -> None:
        """Say how much is in use."""
        words = QLocale.c().formattedDataSize(size, 1, QLocale.DataSizeFormat.DataSizeIecFormat)
        self.used.setText(f"{words} in use" if size else "Nothing is kept")
        self.empty.setEnabled(size > 0)

    def _read(self) -> int | None:
        text = self.room.text().strip()
        room = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_DRAWINGS_MIB)) else -1
        right = 0 <= room <= MOST_DRAWINGS_MIB
        self.room.show_problem("" if right else f"A whole number up to {MOST_DRAWINGS_MIB}")
        self.accepting.setEnabled(right)
        return room if right else None

    def _accept(self) -> None:
        if (room := self._read()) is not None:
            self.wanted.emit(room)
            self.accept()

    def _lay_out(self) -> None:
        used = QHBoxLayout()
        used.addWidget(self.used, 1)
        used.addWidget(self.empty)
        self.accepting.setDefault(True)
        column = dialog_column(self)
        column.addWidget(label("Kept samples", "title"))
        column.addWidget(label(_WHY, "muted", wrap=True))
        column.addWidget(self.room)
        column.addLayout(used)
        column.addSpacing(8)
        column.addLayout(dialog_foot(self.refusing, self.accepting))
        self.setFixedWidth(460)
