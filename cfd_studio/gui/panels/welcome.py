"""The first page: what this is, the way in, and the runs at hand."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.run_card import RunCard
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.diagram import DistillationDiagram
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.scrolled import scrolled

_WIDTH = 600
_MOST_CARDS = 4
_LEAD = (
    "CFD Studio trains a diffusion teacher, which turns noise into images in many small steps. It distils the teacher, "
    "halving by halving, into a student that needs a single network call. You watch them learn, and see side by side "
    "what was gained and lost."
)


class WelcomePanel(QWidget):
    """Says what this is, and offers the ways to begin or to go on.

    Signals
    -------
    demo_wanted, new_wanted, open_wanted, import_wanted
        The buttons.
    run_picked(object)
        The path of a run.
    """

    demo_wanted = Signal()
    new_wanted = Signal()
    open_wanted = Signal()
    import_wanted = Signal()
    run_picked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.demo = Button(
            "Run the digits demo", icon="play", role="big", tip="Train a teacher and its students, and compare them"
        )
        self.new = Button("New run…", icon="plus", tip="Plan a run of your own (Ctrl+N)")
        self.open = Button("Open run folder…", icon="folder-open", tip="Watch or resume a run (Ctrl+O)")
        self.take_in = Button(
            "Import checkpoint…", icon="file-import", tip="Make a run of a model trained elsewhere (Ctrl+I)"
        )
        self.cards: list[RunCard] = []
        self._lay_out()
        self.demo.clicked.connect(self.demo_wanted)
        self.new.clicked.connect(self.new_wanted)
        self.open.clicked.connect(self.open_wanted)
        self.take_in.clicked.connect(self.import_wanted)

    def show_runs(self, runs: list[ListedRun]) -> None:
        """Show the newest runs as cards."""
        shown = [run for run in runs if run.summary.state not in ("gone", "unreadable")][:_MOST_CARDS]
        if [card.listed.path for card in self.cards] != [run.path for run in shown]:
            for card in self.cards:
                card.hide()
                card.deleteLater()
            self.cards = [self._card(place, run) for place, run in enumerate(shown)]
        for card, run in zip(self.cards, shown, strict=True):
            card.show_run(run)
        self._recent.setVisible(bool(shown))

    def _card(self, place: int, run: ListedRun) -> RunCard:
        card = RunCard(run)
        card.clicked.connect(self._picked)
        self._grid.addWidget(card, place // 2, place % 2)
        return card

    def _picked(self) -> None:
        card = self.sender()
        assert isinstance(card, RunCard)
        self.run_picked.emit(card.listed.path)

    def _lay_out(self) -> None:
        lead = label(_LEAD, "lead", wrap=True)
        lead.setFixedWidth(_WIDTH)
        first = QHBoxLayout()
        first.setSpacing(16)
        first.addWidget(self.demo)
        first.addWidget(label("About three minutes on two CPU cores.\nComputed here, from random weights.", "faint"), 1)
        others = QHBoxLayout()
        others.setSpacing(8)
        for button in (self.new, self.open, self.take_in):
            others.addWidget(button)
        others.addStretch(1)
        self._recent = QWidget()
        self._recent.hide()
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        for side in range(2):
            self._grid.setColumnStretch(side, 1)
        recent = QVBoxLayout(self._recent)
        recent.setContentsMargins(0, 24, 0, 0)
        recent.setSpacing(10)
        recent.addWidget(label("NEWEST RUNS", "caption"))
        recent.addLayout(self._grid)
        block = QVBoxLayout()
        block.setSpacing(0)
        for part, space in ((DistillationDiagram(), 28), (label("From noise to one step", "headline"), 12), (lead, 24)):
            block.addWidget(part)
            block.addSpacing(space)
        block.addLayout(first)
        block.addSpacing(20)
        block.addLayout(others)
        block.addWidget(self._recent)
        inner = QWidget()
        inner.setProperty("role", "page")
        row = QHBoxLayout()
        row.addStretch(1)
        row.addLayout(block)
        row.addStretch(1)
        column = QVBoxLayout(inner)
        column.addStretch(2)
        column.addLayout(row)
        column.addStretch(3)
        column.setAlignment(Qt.AlignmentFlag.AlignCenter)
        scroll = scrolled(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
