"""The form of a new run: a preset, its fields, and what is wrong beside each."""

import re
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.estimate_line import EstimateLine
from cfd_studio.gui.machine_fields import MachineFields
from cfd_studio.gui.models.verdict import Verdict
from cfd_studio.gui.recipe_cards import RecipeCards
from cfd_studio.gui.widgets.buttons import Button, QuietComboBox
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.form_row import CAPTION_GAP, CAPTION_WIDTH
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.intake import typed_path


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

    def __init__(self, devices: list[str], desk: ErrandDesk) -> None:
        super().__init__()
        self._recipes: dict[str, Any] = {}
        self._root = Path()
        self._verdict: Verdict | None = None
        self._folder_typed = False
        self.preset = QuietComboBox()
        self.preset.setAccessibleName("Preset")
        self.summary = label("", "muted", wrap=True)
        self.comparable = label("", "faint", wrap=True)
        self.every = Button("All settings", role="toggle", tip="Show every field instead of the few that matter most")
        self.folder = FieldRow("Folder", tip="The run's folder; new or empty", wide=True)
        self.machine = MachineFields(devices)
        self.cards = RecipeCards(self.machine)
        self.elsewhere = label("", "problem", wrap=True)
        self.elsewhere.hide()
        self.verdict = label("", "muted", wrap=True)
        self.estimate = EstimateLine(desk)
        self.start = Button("Start", icon="play", role="primary", tip="Create the run and start training (Ctrl+Return)")
        self.cancel = Button("Cancel")
        self._lay_out()
        self.preset.currentTextChanged.connect(self._preset_chosen)
        self.every.toggled.connect(self.cards.show_every)
        self.folder.edited.connect(self._folder_edited)
        for part in (self.folder, self.machine, self.cards):
            part.edited.connect(self.check)
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self.cancelled)

    def offer(
        self,
        recipes: dict[str, Any],
        root: Path,
        request: ExecutionRequest,
        folders: dict[str, str] | None = None,
    ) -> None:
        """Fill the form anew with presets, the folder for new runs, what was used last, and where images were found."""
        self._recipes, self._root = recipes, root
        self._folder_typed = False
        self.machine.fill(request, folders)
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
        self.folder.setFocus()

    def check(self) -> None:
        """Check everything and say what is wrong beside its field."""
        if self.preset.currentText() not in self._recipes:
            return
        verdict = self.cards.check()
        recipe = self.cards.recipe()
        self.machine.show_needs(
            recipe.get("data", {}).get("name", "none"),
            inception=bool(recipe.get("evaluation", {}).get("inception")),
        )
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
        self.estimate.show_experiment(verdict.config, self.machine.device.text())
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
        comparable = str(raw.get("comparable", ""))
        self.comparable.setText(f"Comparable with: {comparable}")
        self.comparable.setVisible(bool(comparable))
        self.machine.forget_given()
        self.cards.show_recipe(raw)

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
        self.estimate.stop()
        self.start_wanted.emit(typed_path(self.folder.text()), self._verdict.config, request)

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("role", "page")
        page = QVBoxLayout(inner)
        page.setContentsMargins(32, 24, 32, 24)
        page.setSpacing(12)
        title = QHBoxLayout()
        title.addWidget(label("New run", "title"), 1)
        title.addWidget(self.every)
        page.addLayout(title)
        head = QHBoxLayout()
        head.setSpacing(0)
        caption = label("Preset")
        caption.setFixedWidth(CAPTION_WIDTH + CAPTION_GAP)
        caption.setBuddy(self.preset)
        self.preset.setMinimumWidth(200)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.summary)
        words.addWidget(self.comparable)
        for part in (caption, self.preset):
            head.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        head.addSpacing(16)
        head.addLayout(words, 1)
        page.addLayout(head)
        page.addWidget(self.folder)
        page.addWidget(self.elsewhere)
        page.addWidget(self.cards)
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
        foot.addWidget(self.estimate, 2)
        foot.addSpacing(8)
        foot.addWidget(self.cancel)
        foot.addWidget(self.start)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(bar)
