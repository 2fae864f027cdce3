"""The first thing a person sees."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.diagram import DistillationDiagram
from cfd_studio.gui.widgets.labels import label


class WelcomePanel(QWidget):
    """Says what this is, and offers the ways to begin.

    Signals
    -------
    demo_wanted, new_wanted, open_wanted, import_wanted
        The buttons.
    """

    demo_wanted = Signal()
    new_wanted = Signal()
    open_wanted = Signal()
    import_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.demo = Button("Run the digits demo", icon="play", role="big")
        self.new = Button("New run…", icon="plus")
        self.open = Button("Open run folder…", icon="folder-open")
        self.take_in = Button("Import checkpoint…", icon="file-import")
        self.demo.clicked.connect(self.demo_wanted)
        self.new.clicked.connect(self.new_wanted)
        self.open.clicked.connect(self.open_wanted)
        self.take_in.clicked.connect(self.import_wanted)
        headline = label("From noise to one step", "headline")
        lead = label(
            "CFD Studio trains a diffusion teacher and distils it, halving by halving, into a student that draws an "
            "image in a single network call. You watch it learn, and see side by side what was gained and lost.",
            "lead",
            wrap=True,
        )
        lead.setFixedWidth(600)
        note = label("About five minutes on two CPU cores. Everything is computed here, from random weights.", "faint")
        others = QHBoxLayout()
        others.setSpacing(8)
        others.addWidget(self.new)
        others.addWidget(self.open)
        others.addWidget(self.take_in)
        others.addStretch(1)
        first = QHBoxLayout()
        first.addWidget(self.demo)
        first.addStretch(1)
        block = QVBoxLayout()
        block.setSpacing(0)
        block.addWidget(DistillationDiagram())
        block.addSpacing(32)
        block.addWidget(headline)
        block.addSpacing(12)
        block.addWidget(lead)
        block.addSpacing(28)
        block.addLayout(first)
        block.addSpacing(10)
        block.addWidget(note)
        block.addSpacing(28)
        block.addLayout(others)
        column = QVBoxLayout(self)
        column.addStretch(2)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addLayout(block)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(3)
        column.setAlignment(Qt.AlignmentFlag.AlignCenter)
