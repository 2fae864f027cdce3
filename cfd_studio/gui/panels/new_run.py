"""The form of a new run: a preset, the fields that matter, and what is wrong beside each."""

import re
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cfd_studio.gui.machine_fields import MachineFields
from cfd_studio.gui.models.form import FormGroup, Verdict, form_groups, judge
from cfd_studio.gui.widgets.buttons import Button, QuietComboBox
from cfd_studio.gui.widgets.field_row import CAPTION_GAP, CAPTION_WIDTH, FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.execution import ExecutionRequest

COLUMNS = 3


class NewRunPanel(QWidget):
    """Checks as the person types; *Start* is enabled exactly while everything is right.

    Signals
    -------
    start_wanted(object, object, object)
        Folder, `RunConfig` and `ExecutionRequest`.
    cancelled
    """

    start_wanted = Signal(object, object, object)
    cancelled = Signal()

    def __init__(self, devices: list[str]) -> None:
        super().__init__()
        self._recipes: dict[str, Any] = {}
        self._groups: list[FormGroup] = []
        self._root = Path()
        self._verdict: Verdict | None = None
        self._folder_typed = False
        self.rows: dict[str, FieldRow] = {}
        self.preset = QuietComboBox()
        self.preset.setAccessibleName("Preset")
        self.summary = label("", "muted", wrap=True)
        self.folder = FieldRow("Folder", tip="The run's folder; new or empty", wide=True)
        self.machine = MachineFields(devices)
        self.elsewhere = label("", "problem", wrap=True)
        self.elsewhere.hide()
        self.verdict = label("", "muted")
        self.start = Button("Start", icon="play", role="primary", tip="Create the run and start training (Ctrl+Return)")
        self.cancel = Button("Cancel")
        self._cards: list[QWidget] = []
        self._grid = QGridLayout()
        self._lay_out()
        self.preset.currentTextChanged.connect(self._preset_chosen)
        self.folder.edited.connect(self._folder_edited)
        for part in (self.folder, self.machine):
            part.edited.connect(self.check)
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self.cancelled)

    def offer(self, recipes: dict[str, Any], root: Path, request: ExecutionRequest) -> None:
        """Fill the form anew with presets, the folder for new runs, and what was used last."""
        self._recipes, self._root = recipes, root
        self._folder_typed = False
        self.machine.fill(request)
        self.preset.blockSignals(True)
        self.preset.clear()
        self.preset.addItems(list(recipes))
        self.preset.blockSignals(False)
        self._preset_chosen(self.preset.currentText())

    def refuse_folder(self, sentence: str) -> None:
        """Say beside the folder why the run cannot be made there."""
        self.folder.show_problem(sentence)
        self._say(self.folder.problem(), wrong=True)
        self.start.setEnabled(True)
        self.folder.input.setFocus()

    def check(self) -> None:
        """Check everything and say what is wrong beside its field."""
        raw = self._recipes.get(self.preset.currentText())
        if raw is None:
            return
        verdict = judge(raw, self._groups, {path: row.text() for path, row in self.rows.items()})
        for path, row in self.rows.items():
            row.show_problem(verdict.beside.get(path, ""))
        if not self._folder_typed and verdict.config is not None:
            self._propose_folder(verdict.config.name)
        count = verdict.count + self.machine.check()
        folder = "" if self.folder.text() else "Give the run a folder"
        self.folder.show_problem(folder)
        count += bool(folder)
        self.elsewhere.setText("\n".join(str(problem) for problem in verdict.elsewhere))
        self.elsewhere.setVisible(bool(verdict.elsewhere))
        self._verdict = verdict
        self.start.setEnabled(count == 0)
        problems = f"{count} field{'s' if count != 1 else ''} to mend"
        self._say(problems if count else "Everything fits.", wrong=bool(count))

    def _say(self, sentence: str, *, wrong: bool) -> None:
        """Say at the foot how the form stands."""
        self.verdict.setText(sentence)
        self.verdict.setProperty("role", "problem" if wrong else "muted")
        self.verdict.style().unpolish(self.verdict)
        self.verdict.style().polish(self.verdict)

    def _preset_chosen(self, name: str) -> None:
        raw = self._recipes.get(name)
        if raw is None:
            return
        self.summary.setText(str(raw.get("summary", "")))
        self._groups = form_groups(raw)
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self.rows = {}
        self._cards = [self._card(group) for group in self._groups[1:]]
        run = self._cards_first(self._groups[0])
        self._grid.addWidget(run, 0, 0, 2, 1, Qt.AlignmentFlag.AlignTop)  # about as tall as two stages
        places = [(row, column) for row in range(len(self._cards)) for column in range(COLUMNS) if row > 1 or column]
        for card, place in zip(self._cards, places, strict=False):
            self._grid.addWidget(card, *place, Qt.AlignmentFlag.AlignTop)
        self._cards.insert(0, run)
        self.check()

    def _cards_first(self, group: FormGroup) -> QWidget:
        card = self._card(group)
        layout = card.layout()
        assert isinstance(layout, QVBoxLayout)
        self.machine.setParent(card)
        self.machine.show()
        layout.addWidget(self.machine)
        return card

    def _card(self, group: FormGroup) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(label(group.title, "section"))
        if group.subtitle:
            column.addWidget(label(group.subtitle, "faint"))
        for field in group.fields:
            row = FieldRow(field.label, text=field.text, unit=field.unit, tip=field.help, wide=not field.number)
            row.edited.connect(self.check)
            self.rows[field.path] = row
            column.addWidget(row)
        return card

    def _propose_folder(self, name: str) -> None:
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
        stamp = time.strftime("%Y%m%d-%H%M%S")
        if not re.fullmatch(rf"{re.escape(slug)}-\d{{8}}-\d{{6}}", Path(self.folder.text()).name):
            self.folder.input.blockSignals(True)
            self.folder.set_text(str(self._root / f"{slug}-{stamp}"))
            self.folder.input.blockSignals(False)

    def _folder_edited(self) -> None:
        self._folder_typed = True

    def _start(self) -> None:
        request = self.machine.request()
        if self._verdict is None or self._verdict.config is None or request is None:
            return
        self.start.setEnabled(False)
        self.start_wanted.emit(Path(self.folder.text()).expanduser(), self._verdict.config, request)

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("role", "page")
        page = QVBoxLayout(inner)
        page.setContentsMargins(32, 24, 32, 24)
        page.setSpacing(12)
        page.addWidget(label("New run", "title"))
        head = QHBoxLayout()
        head.setSpacing(0)
        caption = label("Preset")
        caption.setFixedWidth(CAPTION_WIDTH + CAPTION_GAP)
        caption.setBuddy(self.preset)
        self.preset.setMinimumWidth(200)
        head.addWidget(caption)
        head.addWidget(self.preset)
        head.addSpacing(16)
        head.addWidget(self.summary, 1)
        page.addLayout(head)
        page.addWidget(self.folder)
        page.addWidget(self.elsewhere)
        self._grid.setSpacing(16)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
        page.addLayout(self._grid)
        page.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        bar = QFrame()
        bar.setProperty("role", "bar")
        foot = QHBoxLayout(bar)
        foot.setContentsMargins(32, 12, 32, 12)
        foot.setSpacing(8)
        foot.addWidget(self.verdict, 1)
        foot.addWidget(self.cancel)
        foot.addWidget(self.start)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(bar)
