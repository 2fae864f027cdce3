"""How far an evaluation is, and the button that ends it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import ElidedLabel
from cfd_studio.gui.widgets.progress_line import ProgressLine
from cfd_studio.runs.status import JobStatus


class EvaluationLine(QWidget):
    """A sentence and a bar, in sight only while models are evaluated.

    Signals
    -------
    cancel_wanted
        The button.
    """

    cancel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.words = ElidedLabel("", "muted")
        self.bar = ProgressLine(4)
        self.cancel = Button("Cancel", icon="stop", tip="End the evaluation; what is measured is kept")
        self.cancel.clicked.connect(self.cancel_wanted)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.words)
        column.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addLayout(column, 1)
        row.addWidget(self.cancel)
        self.hide()

    def show_progress(self, at_work: bool, status: JobStatus | None) -> None:
        """Show how far it is; without a status, or with that of an evaluation that ended, it has yet to begin."""
        self.setVisible(at_work)
        if status is None or status.state.ended:
            self.words.set_whole("Evaluating: waiting for its turn…")
            self.bar.show_fraction(0.0)
            return
        of = f" “{status.stage}”" if status.stage else " the real images"
        counted = f", {status.counted}" if status.counted else ""
        self.words.set_whole(f"Evaluating{of}{counted}")
        self.bar.show_fraction(status.done / status.total if status.total else 0.0)
