"""The queue: which runs wait, in what order, and how each one stands."""

from functools import partial

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.queue_list import QueueRow
from cfd_studio.gui.queue_view import QueueView
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import Chip, label
from cfd_studio.gui.widgets.tick import Tick

_ORDER = "One job works on each device; the next begins when it ends. Drag runs, or press Alt+Up and Alt+Down."


class QueuePanel(QWidget):
    """Shows the queue and emits what the person wants.

    Signals
    -------
    going_wanted(bool)
        Whether entries are to begin by themselves.
    move_wanted(str, int)
        The id of an entry and its new place, counted from 0.
    edit_wanted(str), retry_wanted(str), remove_wanted(str), open_wanted(str)
        The id of an entry.
    new_wanted
        The button of the empty queue.
    notify_wanted(bool), awake_wanted(bool)
        Whether to tell of runs that end, and to keep the machine awake while jobs work.
    """

    going_wanted = Signal(bool)
    move_wanted = Signal(str, int)
    edit_wanted = Signal(str)
    retry_wanted = Signal(str)
    remove_wanted = Signal(str)
    open_wanted = Signal(str)
    new_wanted = Signal()
    notify_wanted = Signal(bool)
    awake_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.chip = Chip()
        self.start = Button("Start the queue", icon="play", role="primary", tip="Let the runs that wait begin")
        self.pause = Button("Pause the queue", icon="pause", tip="Let nothing more begin; what works goes on")
        self.note = label("", "muted", wrap=True)
        self.list = QueueView()
        self.up = Button(icon="arrow-up", tip="Move the run up (Alt+Up)")
        self.down = Button(icon="arrow-down", tip="Move the run down (Alt+Down)")
        self.edit = Button("Edit…", icon="sliders", tip="Choose device, worker and time")
        self.retry = Button("Retry", icon="rotate-right", tip="Let the run wait for its turn again")
        self.open = Button("Open", icon="arrow-up-right-from-square", tip="Show the run (Enter)")
        self.remove = Button("Remove", icon="xmark", tip="Take it out of the queue; the run itself stays (Del)")
        self.new = Button("New run…", icon="plus", tip="New run (Ctrl+N)")
        self.notify = Tick("Tell me when a run ends or fails while this window is not in front")
        self.awake = Tick("Keep this machine awake while a job of this window works")
        self._lay_out()
        self._wire()
        self._show_buttons()

    def show_queue(self, rows: list[QueueRow], *, going: bool, reason: str) -> None:
        """Show the entries, and whether they begin by themselves; ``reason`` says why nothing can wait here."""
        self.list.show_rows(rows)
        self.chip.setVisible(not reason)
        if going:
            running = any(row.entry.state == "running" for row in rows)
            self.chip.show_state(*(("At work", "accent") if running else ("Ready", "good")))
        else:
            self.chip.show_state("Paused", "warning")
        self.start.setVisible(not going)
        self.start.setEnabled(not reason)
        self.pause.setVisible(going)
        self.note.setText(reason or _ORDER)
        self._front.setCurrentIndex(1 if rows else 0)
        self._show_buttons()

    def show_manners(self, *, notify: bool, awake: bool) -> None:
        """Tick what is wanted."""
        for tick, on in ((self.notify, notify), (self.awake, awake)):
            tick.blockSignals(True)
            tick.setChecked(on)
            tick.blockSignals(False)

    def _show_buttons(self) -> None:
        row = self.list.chosen
        running = row is not None and row.entry.state == "running"
        self.up.setEnabled(row is not None and row.place > 1)
        self.down.setEnabled(row is not None and row.place < self.list.last)
        self.edit.setEnabled(row is not None and not running)
        self.retry.setEnabled(row is not None and row.entry.state in ("failed", "stopped"))
        self.open.setEnabled(row is not None)
        self.remove.setEnabled(row is not None)

    def _wire(self) -> None:
        self.start.clicked.connect(partial(self.going_wanted.emit, True))
        self.pause.clicked.connect(partial(self.going_wanted.emit, False))
        self.new.clicked.connect(self.new_wanted)
        self.up.clicked.connect(self.list.move_up)
        self.down.clicked.connect(self.list.move_down)
        for button, wanted in (
            (self.edit, self.edit_wanted),
            (self.retry, self.retry_wanted),
            (self.open, self.open_wanted),
            (self.remove, self.remove_wanted),
        ):
            button.clicked.connect(partial(self._tell, wanted))
        self.list.open_wanted.connect(partial(self._tell, self.open_wanted))
        self.list.remove_wanted.connect(partial(self._tell, self.remove_wanted))
        self.list.move_wanted.connect(self.move_wanted)
        self.list.chosen_changed.connect(self._show_buttons)
        self.notify.toggled.connect(self.notify_wanted)
        self.awake.toggled.connect(self.awake_wanted)

    def _tell(self, wanted: SignalInstance, *_: object) -> None:
        if row := self.list.chosen:
            wanted.emit(row.entry.id)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(label("Queue", "title"))
        head.addWidget(self.chip)
        head.addStretch(1)
        head.addWidget(self.start)
        head.addWidget(self.pause)
        actions = QHBoxLayout()
        actions.setContentsMargins(12, 8, 12, 8)
        actions.setSpacing(8)
        for button in (self.up, self.down, self.edit, self.retry, self.open):
            actions.addWidget(button)
        actions.addStretch(1)
        actions.addWidget(self.remove)
        card = QFrame()
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(0, 6, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.list, 1)
        bar = QFrame()
        bar.setProperty("role", "bar")
        bar.setLayout(actions)
        inside.addWidget(bar)
        stack = QWidget()
        self._front = QStackedLayout(stack)
        self._front.addWidget(self._empty())
        self._front.addWidget(card)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.note)
        column.addSpacing(4)
        column.addWidget(stack, 1)
        column.addSpacing(4)
        column.addWidget(self.notify)
        column.addWidget(self.awake)

    def _empty(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        middle = QVBoxLayout(card)
        middle.setSpacing(12)
        middle.addStretch(1)
        middle.addWidget(label("Nothing waits", "section"), 0, Qt.AlignmentFlag.AlignHCenter)
        text = label(
            "Plan several runs and let them train one after the other, over night. Choose “Add to queue” in the menu "
            "beside Start, or start a run while its device is busy.",
            "muted",
            wrap=True,
        )
        text.setFixedWidth(440)
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()  # an alignment of its own would take the second line from it
        row.addStretch(1)
        row.addWidget(text)
        row.addStretch(1)
        middle.addLayout(row)
        middle.addWidget(self.new, 0, Qt.AlignmentFlag.AlignHCenter)
        middle.addStretch(1)
        return card
