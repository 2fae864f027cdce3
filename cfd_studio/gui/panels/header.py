"""The head of an open run: what it is, how it stands, and the buttons that steer it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.models.forecast import duration, forecast
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import PRECISION_WORDS, STATE_TONES, STATE_WORDS, UNSTOPPABLE, WORKER_WORDS
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import Chip, ElidedLabel, label
from cfd_studio.gui.widgets.progress_line import ProgressLine
from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.wording import plan_words

_LEFT = "Training of every stage that is not done yet, at the speed measured so far"
_STOP = "End the job (Ctrl+. stops and keeps)"
_STOPS = {Verb.STOP_KEEP.value, Verb.STOP_DISCARD.value}


class Header(QFrame):
    """Shows the run and emits what the person wants.

    Signals
    -------
    start_wanted, parts_wanted, queue_wanted, discard_wanted
        Start or resume; the same with batches in twice as many parts; wait for its turn in the queue; stop without
        saving, still to be confirmed.
    wanted(str)
        A verb to send at once.
    worker_wanted(str)
        Where jobs are to run from now on: ``thread`` or ``process``.
    """

    start_wanted = Signal()
    parts_wanted = Signal()
    queue_wanted = Signal()
    discard_wanted = Signal()
    wanted = Signal(str)
    worker_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "header")
        self.title = ElidedLabel("", "title", Qt.TextElideMode.ElideRight)
        self.chip = Chip()
        self.folder = ElidedLabel("", "faint")
        self.progress = ProgressLine()
        self.left = label("", "muted")
        self.left.setFont(theme.font(12, tabular=True))
        self.left.setToolTip(_LEFT)
        self.start = Button("Start", icon="play", role="primary", tip="Start or resume the run (Ctrl+R)")
        self.where = Button(icon="chevron-down", tip="Where the job runs, and with how much memory")
        self.workers: dict[str, QAction] = {}
        self.split = QAction("Resume with batches in twice as many parts (less memory)", self)
        self.enqueue = QAction("Add to queue", self)
        self.where.setMenu(self._worker_menu())
        self.pause = Button("Pause", icon="pause", tip="Pause after the current step; the model stays loaded (Ctrl+P)")
        self.save = Button("Save now", icon="floppy-disk", tip="Write a checkpoint now (Ctrl+S)")
        self.stop = Button("Stop", icon="stop", tip=_STOP)
        self.stop_keep = QAction("Stop and keep (save, then end)", self)
        self.stop_discard = QAction("Stop and discard (end without saving)…", self)
        menu = QMenu(self)
        menu.addActions([self.stop_keep, self.stop_discard])
        self.stop.setMenu(menu)
        self._lay_out()
        self.start.clicked.connect(self.start_wanted)
        self.split.triggered.connect(self.parts_wanted)
        self.enqueue.triggered.connect(self.queue_wanted)
        self.pause.clicked.connect(self._pause_or_resume)
        self.save.clicked.connect(self._save)
        self.stop_keep.triggered.connect(self._stop_and_keep)
        self.stop_discard.triggered.connect(self.discard_wanted)
        self._paused = False

    def show_run(self, snapshot: RunSnapshot, asked: frozenset[str], *, ours: bool) -> None:
        """Show a run, what was asked of it, and whether its job works in this window."""
        self.title.set_whole(snapshot.name)
        self.folder.set_whole(str(snapshot.path))
        starting = "start" in asked and not snapshot.active
        queued = "queued" in asked and not snapshot.active
        state = "starting" if starting else "queued" if queued else snapshot.state
        words = STATE_WORDS.get(state, state)
        if snapshot.active and snapshot.status and state == "running" and snapshot.status.phase not in ("", "training"):
            words = f"{snapshot.status.phase.capitalize()} {snapshot.status.counted}".rstrip()
        self.chip.show_state(words, STATE_TONES.get(state, "muted"))
        elsewhere = f"Trained by {snapshot.holder}, not by this window." if snapshot.active and not ours else ""
        self.chip.setToolTip(elsewhere or (snapshot.ended.sentence if snapshot.ended else ""))
        seen = forecast(snapshot)
        if snapshot.reading < 1:
            self.progress.show_fraction(snapshot.reading, "muted")
            self.left.setText(f"Reading the journal, {snapshot.reading:.0%}")
        else:
            self.progress.show_fraction(seen.fraction, "good" if snapshot.complete else "accent")
            self.left.setText(self._left_words(snapshot, seen.fraction, seen.seconds_left, elsewhere=bool(elsewhere)))
        took = f"\nThe newest job: on {plan_words(snapshot.plan)}." if snapshot.plan is not None else ""
        self.left.setToolTip(_LEFT + took)
        self._show_buttons(snapshot, asked, starting=starting)
        held = UNSTOPPABLE.get(snapshot.status.phase, "") if snapshot.active and snapshot.status else ""
        self.stop.setToolTip(f"{_STOP}\n{held}" if held else _STOP)
        if held and _stopping(snapshot, asked):
            self.left.setText(held)

    def show_worker(self, worker: str) -> None:
        """Tick where jobs run."""
        self.workers[worker].setChecked(True)

    def _show_buttons(self, snapshot: RunSnapshot, asked: frozenset[str], *, starting: bool) -> None:
        active = snapshot.active
        self._paused = snapshot.state == "paused"
        for button in (self.start, self.where):
            button.setVisible(not active and not snapshot.complete)
            button.setEnabled(not starting)
        fresh = snapshot.state == "new"
        self.split.setVisible(not fresh)
        _say(self.start, "Starting…" if starting else "Start" if fresh else "Resume")
        for button in (self.pause, self.stop, self.save):
            button.setVisible(active)
        stopping = _stopping(snapshot, asked)
        verb = Verb.RESUME.value if self._paused else Verb.PAUSE.value
        waiting = bool(asked & {Verb.PAUSE.value, Verb.RESUME.value})
        _say(
            self.pause,
            ("Resuming…" if self._paused else "Pausing…") if verb in asked else "Resume" if self._paused else "Pause",
        )
        self.pause.set_icon_name("play" if self._paused else "pause")
        listening = snapshot.state in ("running", "paused") and not stopping
        self.pause.setEnabled(listening and not waiting)
        _say(self.save, "Saving…" if Verb.SAVE.value in asked else "Save now")
        self.save.setEnabled(listening and Verb.SAVE.value not in asked)
        _say(self.stop, "Stopping…" if stopping else "Stop")
        self.stop.setEnabled(listening)
        for action in (self.stop_keep, self.stop_discard):
            action.setEnabled(listening)

    @staticmethod
    def _left_words(snapshot: RunSnapshot, fraction: float, seconds: float | None, *, elsewhere: bool) -> str:
        if snapshot.complete:
            spent = sum(stage.seconds for stage in snapshot.stages.values())
            return f"{len(snapshot.stages)} stages, trained in {duration(spent)}" if spent else "All stages done"
        words = f"{fraction:.0%} of all stages"
        if snapshot.active and seconds is not None:
            words += f" · about {duration(seconds)} left"
        if snapshot.device:
            words += f" · {snapshot.device}"
            if snapshot.plan is not None and snapshot.plan.precision != "float32":
                words += f", {PRECISION_WORDS[snapshot.plan.precision]}"
        return words + (" · in another process" if elsewhere else "")

    def _pause_or_resume(self) -> None:
        self.wanted.emit(Verb.RESUME.value if self._paused else Verb.PAUSE.value)

    def _worker_menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(self)
        for worker, words in WORKER_WORDS.items():
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setData(worker)
            group.addAction(action)
            self.workers[worker] = action
        menu.addSeparator()
        menu.addActions([self.split, self.enqueue])
        group.triggered.connect(self._worker_chosen)
        return menu

    def _worker_chosen(self, action: QAction) -> None:
        self.worker_wanted.emit(action.data())

    def _save(self) -> None:
        self.wanted.emit(Verb.SAVE.value)

    def _stop_and_keep(self) -> None:
        self.wanted.emit(Verb.STOP_KEEP.value)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(16)
        name = QVBoxLayout()
        name.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.title, 1)
        name.addLayout(head)
        name.addWidget(self.folder)
        first.addLayout(name, 1)
        first.addWidget(self.chip)
        buttons = QHBoxLayout()  # takes no room, nor the space before it, while no button is shown
        buttons.setSpacing(8)
        for button in (self.start, self.where, self.pause, self.save, self.stop):
            buttons.addWidget(button)
        first.addLayout(buttons)
        second = QHBoxLayout()
        second.setSpacing(12)
        second.addWidget(self.progress, 1)
        second.addWidget(self.left)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 10)
        column.setSpacing(8)
        column.addLayout(first)
        column.addLayout(second)


def _stopping(snapshot: RunSnapshot, asked: frozenset[str]) -> bool:
    return bool(asked & _STOPS) or snapshot.state == "stopping"


def _say(button: Button, text: str) -> None:
    if button.text() != text:
        button.setText(text)
        button.setAccessibleName(text)
