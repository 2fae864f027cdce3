"""The sheet of all keys, drawn from the same tables that they are made of."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cfd_studio.gui import theme
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
        lengths = [0] * COLUMNS
        for section in sections:
            shortest = lengths.index(min(lengths))
            lengths[shortest] += len(section.shortcuts) + len(section.own) + 2
            columns[shortest].addLayout(_block(section))
            columns[shortest].addSpacing(12)
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
    grid.setColumnStretch(1, 1)
    grid.addWidget(label(section.name, "section"), 0, 0, 1, 2)
    for at, shortcut in enumerate((*section.shortcuts, *section.own), start=1):
        keys = label("  ".join(_written(key) for key in shortcut.keys.split()), "muted")
        keys.setFont(theme.monospace())
        grid.addWidget(keys, at, 0)
        grid.addWidget(label(shortcut.words), at, 1)
    return grid


def _written(key: str) -> str:
    """Return a key as this system writes it, with arrows as arrows."""
    *held, last = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText).rpartition("+")
    return "".join((*held, _ARROWS.get(last, last))) if last else key
