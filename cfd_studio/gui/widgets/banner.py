"""A strip that says what went wrong in one sentence, with details to copy; several messages wait for one another."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label

MOST_MESSAGES = 20
MOST_LINES = 8
LINES_MARGIN = 24
Action = tuple[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Message:
    """What the banner has to say; ``kind`` is ``error``, ``warning`` or ``info``, ``action`` a button of its own."""

    sentence: str
    details: str = ""
    kind: str = "error"
    action: Action | None = None

    @property
    def text(self) -> str:
        """The sentence and its details."""
        return "\n\n".join(part for part in (self.sentence, self.details) if part)


class Banner(QFrame):
    """Hidden until it has something to say. The newest message is in front; those before it come back after it.

    Signals
    -------
    report_wanted(str)
        The text of an error that a person wants to report.
    """

    report_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._messages: list[Message] = []
        self._place = 0
        self.sentence = label(wrap=True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setFont(theme.monospace())
        self.details.setAccessibleName("Details of the error")
        self.before = Button(icon="chevron-left", role="ghost", tip="The message before")
        self.count = label("", "muted")
        self.after = Button(icon="chevron-right", role="ghost", tip="The message after")
        self.act = Button(tip="Do what the message offers")
        self.more = Button("Details", role="ghost", tip="Show or hide the details")
        self.copy = Button("Copy", icon="copy", role="ghost", tip="Copy the message and its details")
        self.report = Button("Report…", icon="bug", role="ghost", tip="Save a debug bundle to attach to a report")
        self.close_button = Button(icon="xmark", role="ghost", tip="Close this message")
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.act, 0, Qt.AlignmentFlag.AlignTop)
        for part in (self.more, self.copy, self.report, self.before, self.count, self.after, self.close_button):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        self.count.setMinimumHeight(self.close_button.sizeHint().height())
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 8, 16, 8)
        column.addLayout(row)
        column.addWidget(self.details)
        self.act.clicked.connect(self._act)
        self.more.clicked.connect(self._toggle)
        self.copy.clicked.connect(self._copy)
        self.report.clicked.connect(self._report)
        self.before.clicked.connect(self._back)
        self.after.clicked.connect(self._forth)
        self.close_button.clicked.connect(self.dismiss)
        self.hide()

    def say(self, sentence: str, details: str = "", kind: str = "error", action: Action | None = None) -> None:
        """Put a message in front. News replaces older news; errors stay until a person closes them."""
        message = Message(sentence, details, kind, action)
        same = (sentence, details)
        kept = [old for old in self._messages if (old.sentence, old.details) != same]
        if kind == "info":
            kept = [old for old in kept if old.kind != "info" or (old.action and not action)]
        self._messages = [*kept[1 - MOST_MESSAGES :], message]
        self._turn(len(self._messages) - 1)

    def dismiss(self) -> None:
        """Take away the message in front."""
        del self._messages[self._place]
        self._turn(min(self._place, len(self._messages) - 1))

    def clear(self) -> None:
        """Take away everything but what still waits for an answer."""
        self._messages = [message for message in self._messages if message.action]
        self._turn(len(self._messages) - 1)

    def _turn(self, place: int) -> None:
        """Bring a message to the front; focus stays where it is."""
        self._place = place
        if place < 0:
            self.hide()
            return
        message = self._messages[place]
        self.setProperty("role", f"banner-{message.kind}")
        self.style().unpolish(self)
        self.style().polish(self)
        self.sentence.setText(message.sentence)
        self.setAccessibleName(message.sentence)
        self.details.setPlainText(message.details)
        line = QFontMetrics(self.details.font()).lineSpacing()
        self.details.setFixedHeight(line * min(self.details.blockCount(), MOST_LINES) + LINES_MARGIN)
        self.details.hide()
        self.more.setText("Details")
        self.more.setVisible(bool(message.details))
        self.report.setVisible(message.kind == "error")
        words = message.action[0] if message.action else ""
        self.act.setText(words)
        self.act.setAccessibleName(words)
        self.act.setVisible(bool(words))
        several = len(self._messages) > 1
        for part in (self.before, self.count, self.after):
            part.setVisible(several)
        self.count.setText(f"{place + 1} of {len(self._messages)}")
        self.before.setEnabled(place > 0)
        self.after.setEnabled(place < len(self._messages) - 1)
        self.show()

    def _act(self) -> None:
        action = self._messages[self._place].action
        self.dismiss()
        if action is not None:
            action[1]()

    def _toggle(self) -> None:
        showing = self.details.isHidden()
        self.details.setVisible(showing)
        self.more.setText("Fewer details" if showing else "Details")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._messages[self._place].text)

    def _report(self) -> None:
        self.report_wanted.emit(self._messages[self._place].text)

    def _back(self) -> None:
        self._turn(self._place - 1)

    def _forth(self) -> None:
        self._turn(self._place + 1)
