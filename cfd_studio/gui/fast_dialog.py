"""Every fast path with what it is, and whether it is taken."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QWidget

from cfd_studio.gui.models.words import FAST_WORDS
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.dialog_frame import dialog_column, dialog_foot
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.fast_paths import FastPaths, read_wishes, values_of, write_wishes

_CAPTION = 156
_CHOICES = 320  # wide, with the caption
_UNASKED = ""


class FastDialog(QDialog):
    """Asks for each fast path.

    Signals
    -------
    wanted(str)
        What is asked for, as the command line writes it.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget, text: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Fast paths")
        self.rows = {name: _row(name) for name in FastPaths.model_fields}
        self.plain = Button("All off", tip="Plain computing: no fast path at all")
        self.usual = Button("All by default", tip="What was measured to be fastest on the device")
        self.accepting = Button("Save", role="primary", tip="Keep these choices")
        self.refusing = Button("Cancel", tip="Leave the fast paths as they were")
        self._lay_out()
        self._choose(text)
        self.plain.clicked.connect(lambda: self._choose("off"))
        self.usual.clicked.connect(lambda: self._choose(""))
        self.accepting.clicked.connect(self._accept)
        self.refusing.clicked.connect(self.reject)

    def text(self) -> str:
        """Return what is chosen, as the command line writes it."""
        chosen = {name: row.text() for name, row in self.rows.items() if row.text() != _UNASKED}
        return write_wishes(read_wishes(", ".join(f"{name}={value}" for name, value in chosen.items())))

    def _choose(self, text: str) -> None:
        wishes = read_wishes(text)
        words = {True: "on", False: "off"}
        for name, row in self.rows.items():
            value = wishes.get(name, _UNASKED)
            row.set_text(words[value] if isinstance(value, bool) else value)

    def _accept(self) -> None:
        self.wanted.emit(self.text())
        self.accept()

    def _lay_out(self) -> None:
        self.accepting.setDefault(True)
        column = dialog_column(self)
        column.addWidget(label("Fast paths", "title"))
        said = "None changes more than rounding. By default a run takes what is fastest on its device, and keeps to it."
        column.addWidget(label(said, "muted"))
        column.addSpacing(4)
        for name, row in self.rows.items():
            line = QHBoxLayout()
            line.setSpacing(16)
            row.setFixedWidth(_CHOICES)
            line.addWidget(row, 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(label(FastPaths.model_fields[name].description or "", "faint", wrap=True), 1)
            column.addLayout(line)
        column.setSpacing(6)
        column.addSpacing(10)
        column.addLayout(self._foot())
        self.setMinimumWidth(960)

    def _foot(self) -> QHBoxLayout:
        ways = QWidget()
        row = QHBoxLayout(ways)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.usual)
        row.addWidget(self.plain)
        row.addStretch(1)
        return dialog_foot(self.refusing, self.accepting, ways)


def _row(name: str) -> ChoiceRow:
    info = FastPaths.model_fields[name]
    choices = {_UNASKED: "By default"} | {value: FAST_WORDS[value] for value in values_of(name)}
    return ChoiceRow(info.title or name, choices, tip=info.description or "", caption_width=_CAPTION)
