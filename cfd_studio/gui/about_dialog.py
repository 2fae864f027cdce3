"""Name, tags and notes of a run, saved while they are typed."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.runs.about import LONGEST_NAME, LONGEST_TAG, MOST_TAGS, About, tags_in

PAUSE_MILLISECONDS = 600  # in which nothing is typed, before it is saved


class AboutDialog(QDialog):
    """Closes only once everything is saved, or where the person gives up what is not.

    Signals
    -------
    changed(object)
        Fields of `About` to be saved, by name; `saved` or `refused` answers.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget, config_name: str, about: About) -> None:
        super().__init__(parent)
        self.setWindowTitle("Name, notes and tags")
        self.name = QLineEdit(about.name, maxLength=LONGEST_NAME, placeholderText=config_name)
        self.tags = QLineEdit(", ".join(about.tags), maxLength=MOST_TAGS * (LONGEST_TAG + 2))
        self.tags.setPlaceholderText("baseline, keep")
        self.notes = QPlainTextEdit(about.notes, tabChangesFocus=True)
        self.notes.setProperty("role", "notes")  # QAbstractScrollArea is without a frame
        self.notes.setPlaceholderText("What you tried, what you saw, what comes next")
        self.state = label("Saved while you type.", "faint", wrap=True)
        self.closing = Button("Close", role="primary", tip="Close; everything is saved (Escape)")
        self.given_up = Button("Close without saving", tip="Lose what could not be saved")
        self.given_up.hide()
        self._asked: dict[str, object] = {}
        self._leaving = False
        self._kept = self._fields()
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self.flush)
        self._lay_out()
        for edit in (self.name, self.tags):
            edit.textEdited.connect(self._edited)
        self.notes.textChanged.connect(self._edited)
        self.closing.clicked.connect(self.reject)
        self.given_up.clicked.connect(self._give_up)
        self.name.selectAll()
        self.name.setFocus()

    def flush(self) -> None:
        """Have everything saved that is not yet."""
        self._pause.stop()
        now = self._fields()
        changes = {name: value for name, value in now.items() if value != self._kept[name]}
        if changes and not self._asked:
            self._asked = changes
            self.changed.emit(changes)

    def saved(self) -> None:
        """Take note that the last changes are on the disk."""
        self._kept |= self._asked
        self._asked = {}
        self._say("Saved.", wrong=False)
        self._go_on()

    def refused(self, sentence: str) -> None:
        """Say why the last changes are not saved; they stay in their fields, and the next attempt holds them too."""
        self._asked = {}
        self._leaving = False
        self.given_up.show()
        self._say(sentence, wrong=True)

    def reject(self) -> None:
        """Close, once everything is saved."""
        self._leaving = True
        self.flush()
        self._go_on()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep Return for the notes; in a single line it saves at once."""
        if event.matches(QKeySequence.StandardKey.InsertParagraphSeparator):
            self.flush()
        else:
            super().keyPressEvent(event)

    def _go_on(self) -> None:
        """Save what was typed meanwhile, or leave."""
        if self._leaving and not self._asked:
            self.flush()
            if not self._asked:
                super().reject()

    def _give_up(self) -> None:
        self._pause.stop()
        super().reject()

    def _edited(self) -> None:
        self._pause.start()

    def _fields(self) -> dict[str, object]:
        name = " ".join(self.name.text().split())
        return {"name": name, "tags": tags_in(self.tags.text()), "notes": self.notes.toPlainText()}

    def _say(self, sentence: str, *, wrong: bool) -> None:
        self.state.setText(sentence)
        self.state.setProperty("role", "problem" if wrong else "faint")
        self.state.style().unpolish(self.state)
        self.state.style().polish(self.state)
        self.given_up.setVisible(wrong)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 16)
        column.setSpacing(12)
        column.addWidget(label("Name, notes and tags", "title"))
        column.addWidget(
            FormRow("Name", self.name, tip="What the window calls the run; empty for its own name", wide=True)
        )
        column.addWidget(
            FormRow("Tags", self.tags, tip="Words to find the run by, with commas between them", wide=True)
        )
        notes = label("Notes")
        notes.setBuddy(self.notes)
        self.notes.setAccessibleName("Notes")
        self.notes.setToolTip("Plain text, kept in about.json of the run's folder")
        self.notes.setMinimumHeight(200)
        column.addWidget(notes)
        column.addWidget(self.notes, 1)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.state, 1)
        foot.addWidget(self.given_up)
        foot.addWidget(self.closing)
        column.addLayout(foot)
        self.setMinimumWidth(560)
