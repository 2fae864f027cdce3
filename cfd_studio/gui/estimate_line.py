"""What the experiment of the form would cost here: asked for, shown, and faded once the form says something else."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.models.cost import headline, table
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errands import ErrandAnswer, EstimateErrand
from cfd_studio.protocol.execution import ExecutionRequest

_TIP = "Time, memory and disk on this machine, from a few timed steps"


class EstimateLine(QWidget):
    """A sentence and the button that asks for it."""

    def __init__(self, desk: ErrandDesk) -> None:
        super().__init__()
        self._desk = desk
        self._wish: EstimateErrand | None = None
        self._ticket: int | None = None
        self._answer: ErrandAnswer | None = None
        self.words = label("", "muted", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.words.setFont(theme.font(12, tabular=True))
        self.button = Button("Estimate", icon="stopwatch", tip=_TIP)
        self.button.clicked.connect(self._clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)

    @property
    def working(self) -> bool:
        """Whether an answer is on its way."""
        return self._ticket is not None

    @property
    def stale(self) -> bool:
        """Whether what is shown was asked of another experiment or machine."""
        return self._answer is not None and self._answer.errand != self._wish

    def show_experiment(self, config: RunConfig | None, request: ExecutionRequest | None) -> None:
        """Follow the form; nothing can be asked while it is wrong."""
        self._wish = None
        if config is not None and request is not None:
            self._wish = EstimateErrand(config, request.device, request.precision, request.fast)
        self._show()

    def stop(self) -> None:
        """Want no answer any more."""
        if self._ticket is not None:
            self._desk.withdraw(self._ticket)
            self._ticket = None
            self._show()

    def _clicked(self) -> None:
        if self.working:
            self.stop()
        elif self._wish is not None:
            self._answer = None
            self._ticket = self._desk.send(self._wish, self._arrived)
            self._show()

    def _arrived(self, answer: ErrandAnswer) -> None:
        self._ticket, self._answer = None, answer
        self._show()

    def _show(self) -> None:
        self.button.setText("Stop" if self.working else "Estimate")
        self.button.setAccessibleName("Stop estimating" if self.working else "Estimate")
        self.button.set_icon_name("stop" if self.working else "stopwatch")
        self.button.setEnabled(self.working or self._wish is not None)
        estimate = self._answer.estimate if self._answer else None
        if self.working:
            text, tip = "Timing a few steps of every stage…", ""
        elif estimate is not None:
            text, tip = headline(estimate), table(estimate)
        else:
            text, tip = (self._answer.error or "") if self._answer else "", ""
        if self.stale:
            text += "  (outdated)"
        role = "faint" if self.stale else "problem" if self._answer and self._answer.error else "muted"
        self.words.setText(text)
        self.words.setToolTip(tip)
        if role != self.words.property("role"):
            self.words.setProperty("role", role)
            self.words.style().unpolish(self.words)
            self.words.style().polish(self.words)
