"""The sheet of all keys, drawn from the same tables that they are made of."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cfd_studio.gui.shortcuts import Section
from cfd_studio.gui.widgets.labels import label

COLUMNS = 3
_ARROWS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


class ShortcutSheet(QDialog):
    """Lists every key and what it does; scrolls where the window that it belongs to is small."""

    def __init__(self, parent: QWidget, sections: list[Section]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        for column in columns:
            column.setSpacing(0)
        lengths = [0] * COLUMNS
        for section in sections:
            shortest = lengths.index(min(lengths))
            lengths[shortest] += len(section.shortcuts) + len(section.own) + 2
            columns[shortest].addLayout(_block(section))
            columns[shortest].addSpacing(20)
        sheet = QWidget()
        sheet.setProperty("role", "page")
        row = QHBoxLayout(sheet)
        row.setContentsMargins(28, 24, 28, 12)
        row.setSpacing(40)
        for column in columns:
            column.addStretch(1)
            row.addLayout(column)
        area = QScrollArea()
        area.setAccessibleName("Keyboard shortcuts")
        area.setWidgetResizable(True)
        area.setWidget(sheet)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        bar = area.verticalScrollBar().sizeHint().width()
        self.resize((sheet.sizeHint() + QSize(bar, 2)).boundedTo(parent.size()))


def _block(section: Section) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(5)
    grid.setColumnMinimumWidth(0, 92)
    grid.setColumnStretch(1, 1)
    grid.addWidget(label(section.name, "section"), 0, 0, 1, 2)
    for at, shortcut in enumerate((*section.shortcuts, *section.own), start=1):
        grid.addWidget(label(_written(shortcut.keys), "muted"), at, 0)
        grid.addWidget(label(shortcut.words), at, 1)
    return grid


def _written(keys: str) -> str:
    """Return keys as this system writes them, arrows as arrows; what is held down for all of them is said once."""
    written, before = [], ""
    for key in keys.split():
        native = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
        last = native.rpartition("+")[2] or native  # the key "+" itself has nothing behind it
        held = native.removesuffix(last)
        written.append(("" if held == before else held) + _ARROWS.get(last, last))
        before = held
    return "  ".join(written)
