"""One field of a form whose values are few: label and a box to choose from."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from cfd_studio.gui.widgets.buttons import QuietComboBox
from cfd_studio.gui.widgets.field_row import CAPTION_GAP, CAPTION_WIDTH
from cfd_studio.gui.widgets.labels import label


class ChoiceRow(QWidget):
    """A labelled box of fixed choices.

    Parameters
    ----------
    name : str
    choices : dict of str to str
        What the person reads, by value.
    tip : str, optional

    Signals
    -------
    edited
        Another choice was made.
    """

    edited = Signal()

    def __init__(self, name: str, choices: dict[str, str], *, tip: str = "") -> None:
        super().__init__()
        self.box = QuietComboBox()
        for value, words in choices.items():
            self.box.addItem(words, value)
        self.box.setAccessibleName(name)
        self.box.setAccessibleDescription(tip)
        caption = label(name)
        caption.setBuddy(self.box)
        caption.setFixedWidth(CAPTION_WIDTH)
        for part in (self, caption, self.box):
            part.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(CAPTION_GAP)
        row.addWidget(caption)
        row.addWidget(self.box, 1)
        self.box.currentIndexChanged.connect(self.edited)

    def value(self) -> str:
        """Return the value chosen."""
        return str(self.box.currentData())

    def choose(self, value: str) -> None:
        """Choose a value."""
        self.box.setCurrentIndex(self.box.findData(value))
