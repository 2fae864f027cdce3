"""The sheet of all keys, drawn from the same table that they are made of."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.shortcuts import Section
from cfd_studio.gui.widgets.labels import label

COLUMNS = 2


class ShortcutSheet(QDialog):
    """Lists every key and what it does."""

    def __init__(self, parent: QWidget, sections: list[Section]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        lengths = [0] * COLUMNS
        for section in sections:
            shortest = lengths.index(min(lengths))
            lengths[shortest] += len(section.shortcuts) + 2
            columns[shortest].addLayout(_block(section))
            columns[shortest].addSpacing(12)
        row = QHBoxLayout(self)
        row.setContentsMargins(28, 24, 28, 16)
        row.setSpacing(48)
        for column in columns:
            column.addStretch(1)
            row.addLayout(column)


def _block(section: Section) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    grid.addWidget(label(section.name, "section"), 0, 0, 1, 2)
    for at, shortcut in enumerate(section.shortcuts, start=1):
        written = QKeySequence(shortcut.keys).toString(QKeySequence.SequenceFormat.NativeText)
        keys = label(written, "muted")
        keys.setFont(theme.monospace())
        grid.addWidget(keys, at, 0)
        grid.addWidget(label(shortcut.words), at, 1)
    return grid
