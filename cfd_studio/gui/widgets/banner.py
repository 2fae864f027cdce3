"""A strip that says what went wrong in one sentence, with the details to copy."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label


class Banner(QFrame):
    """Hidden until it has something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.sentence = label(wrap=True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setFont(theme.monospace())
        self.details.setMaximumHeight(160)
        self.details.setAccessibleName("Details of the error")
        self.more = Button("Details", role="ghost")
        self.copy = Button("Copy", icon="copy", role="ghost", tip="Copy the message and its details")
        self.close_button = Button(icon="xmark", role="ghost", tip="Close this message")
        row = QHBoxLayout()
        row.addWidget(self.sentence, 1)
        for button in (self.more, self.copy, self.close_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 8, 16, 8)
        column.addLayout(row)
        column.addWidget(self.details)
        self.more.clicked.connect(self._toggle)
        self.copy.clicked.connect(self._copy)
        self.close_button.clicked.connect(self.hide)
        self.hide()

    def say(self, sentence: str, details: str = "", kind: str = "error") -> None:
        """Show a sentence; ``kind`` is ``error``, ``warning`` or ``info``."""
        self.setProperty("role", f"banner-{kind}")
        self.style().unpolish(self)
        self.style().polish(self)
        self.sentence.setText(sentence)
        self.setAccessibleName(sentence)
        self.details.setPlainText(details)
        self.details.hide()
        self.more.setText("Details")
        self.more.setVisible(bool(details))
        self.show()

    def _toggle(self) -> None:
        showing = self.details.isHidden()
        self.details.setVisible(showing)
        self.more.setText("Fewer details" if showing else "Details")

    def _copy(self) -> None:
        text = "\n\n".join(part for part in (self.sentence.text(), self.details.toPlainText()) if part)
        QGuiApplication.clipboard().setText(text)
