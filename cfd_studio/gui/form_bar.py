"""The foot of the form: how it stands, what it would cost, and what can be done with it."""

from PySide6.QtWidgets import QFrame, QHBoxLayout

from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.estimate_line import EstimateLine
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label


class FormBar(QFrame):
    """A sentence, the estimate, and the buttons."""

    def __init__(self, desk: ErrandDesk) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self.verdict = label("", "muted", wrap=True)
        self.estimate = EstimateLine(desk)
        self.command = Button("Copy command", icon="terminal", tip="Copy the command line that starts this very run")
        self.cancel = Button("Cancel", tip="Leave the form as it is (Esc)")
        self.queue = Button("Add to queue", icon="list-ol", tip="Let the run wait until the device is free")
        self.start = Button("Start", icon="play", role="primary", tip="Create the run and start training (Ctrl+Return)")
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 12, 24, 12)
        row.setSpacing(8)
        row.addWidget(self.verdict, 1)
        row.addWidget(self.estimate, 2)
        row.addSpacing(8)
        for button in (self.command, self.cancel, self.queue, self.start):
            row.addWidget(button)

    def say(self, sentence: str, wrong: bool) -> None:
        """Say how the form stands."""
        self.verdict.setText(sentence)
        self.verdict.setProperty("role", "problem" if wrong else "muted")
        self.verdict.style().unpolish(self.verdict)
        self.verdict.style().polish(self.verdict)

    def let(self, may: bool) -> None:
        """Enable or disable everything for which the form must be right."""
        for button in (self.start, self.queue, self.command):
            button.setEnabled(may)
