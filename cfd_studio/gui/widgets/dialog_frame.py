"""How a dialog is arranged: its parts below one another, and its two buttons at the foot."""

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget


def dialog_column(dialog: QDialog) -> QVBoxLayout:
    """Return the column of a dialog, with the room around it that all of them have."""
    column = QVBoxLayout(dialog)
    column.setContentsMargins(24, 20, 24, 16)
    column.setSpacing(12)
    return column


def dialog_foot(refusing: QPushButton, accepting: QPushButton, words: QWidget | None = None) -> QHBoxLayout:
    """Return the foot of a dialog: its two buttons at the right, and words at their left where there are any."""
    foot = QHBoxLayout()
    foot.setSpacing(8)
    if words is not None:
        foot.addWidget(words, 1)
    else:
        foot.addStretch(1)
    foot.addWidget(refusing)
    foot.addWidget(accepting)
    return foot
