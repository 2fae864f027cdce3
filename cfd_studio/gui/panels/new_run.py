"""The plan of a new run: a preset, the stages as cards, their fields, and what is wrong beside each."""

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.changes_view import ChangesView
from cfd_studio.gui.command_copy import CommandCopy
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.form_bar import FormBar
from cfd_studio.gui.models.draft import Draft, Origin
from cfd_studio.gui.models.gallery import preset_content
from cfd_studio.gui.models.run_names import folder_for
from cfd_studio.gui.models.verdict import Verdict
from cfd_studio.gui.plan_view import PlanView
from cfd_studio.gui.preset_gallery import PresetGallery
from cfd_studio.gui.verdict_desk import VerdictDesk
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.intake import typed_path

PRESETS, PLAN, CHANGES = range(3)


class NewRunPanel(QWidget):
    """Checks as the person types; *Start* is enabled exactly while everything is right.

    Signals
    -------
    start_wanted(object, object, object), queue_wanted(object, object, object)
        Folder, `RunConfig` and `ExecutionRequest`.
    run_wanted, file_wanted
        The settings of an earlier run, or of a file, are to begin with.
    cancelled
    """

    start_wanted = Signal(object, object, object)
    queue_wanted = Signal(object, object, object)
    run_wanted = Signal()
    file_wanted = Signal()
    cancelled = Signal()

    def __init__(self, devices: list[str], desk: ErrandDesk, clerk: Clerk) -> None:
        super().__init__()
        self._recipes: dict[str, dict[str, Any]] = {}
        self._root = Path()
        self._given: set[Path] = set()  # folders of runs that wait already
        self._draft: Draft | None = None
        self._verdict: Verdict | None = None
        self._folder_typed = self._spent = False
        self.gallery = PresetGallery()
        self.plan = PlanView(devices)
        self.changes = ChangesView()
        self.folder, self.machine = self.plan.folder, self.plan.machine
        self._judging = VerdictDesk(clerk)
        self._copying = CommandCopy(self, clerk)
        self.undo = Button(icon="rotate-left", role="ghost", tip="Undo (Ctrl+Z)")
        self.redo = Button(icon="rotate-right", role="ghost", tip="Redo (Ctrl+Shift+Z)")
        self.every = Button("All settings", role="toggle", tip="Show every field instead of the few that matter most")
        self.bar = FormBar(desk)
        self.verdict, self.estimate = self.bar.verdict, self.bar.estimate
        self.start, self.queue, self.command = self.bar.start, self.bar.queue, self.bar.command
        self.cancel = self.bar.cancel
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Parts of the form")
        self.pages = QStackedWidget()
        self._lay_out()
        self._wire()

    def offer(
        self,
        recipes: dict[str, Any],
        root: Path,
        request: ExecutionRequest,
        folders: dict[str, str] | None = None,
    ) -> None:
        """Fill the form anew with presets, the folder for new runs, what was used last, and where images were found."""
        self._recipes, self._root = recipes, root
        self._folder_typed = self._spent = False
        self.machine.fill(request, folders)
        self.gallery.show_presets({name: preset_content(name, raw) for name, raw in recipes.items()})
        self._draft = None
        self.tabs.setCurrentIndex(PRESETS)
        self._begin(self._preset(next(iter(recipes))))

    @property
    def in_use(self) -> bool:
        """Whether somebody fills the form, or has left it half filled."""
        return self._draft is not None and not self._spent

    def begin(self, origin: Origin, *, data: str = "", images: str = "") -> None:
        """Go on to the plan of a recipe from elsewhere.

        Parameters
        ----------
        origin : Origin
        data : str, optional
            The data set that takes the place of its own.
        images : str, optional
            Where the images lie.
        """
        self._begin(origin)
        if data:
            self._edit("data.name", data)
            self.machine.images.set_text(images)
        self._turn_to_plan()

    @Slot(str)
    def choose_preset(self, name: str) -> None:
        """Go on to the plan of a preset."""
        self._begin(self._preset(name))
        self._turn_to_plan()

    def take_focus(self) -> None:
        """Put the keys where one begins."""
        if self.tabs.currentIndex() == PRESETS:
            self.gallery.take_focus()
        else:
            self.plan.outline.take_focus()

    def refuse_folder(self, sentence: str) -> None:
        """Say beside the folder why the run cannot be made there."""
        self._spent = False
        self.folder.show_problem(sentence)
        self.bar.say(self.folder.problem(), wrong=True)
        self.bar.let(True)
        self.reveal("folder").setFocus()

    def reveal(self, path: str) -> QWidget:
        """Show a field, wherever it stands, and return it."""
        self.tabs.setCurrentIndex(PLAN)
        if not self.plan.shows(path):
            self.plan.pick_stage_of(path)
            if not self.plan.shows(path):
                self.every.setChecked(True)
        return self.plan.row(path)

    def check(self) -> None:
        """Have everything checked, and what is wrong said beside its field."""
        if self._draft is not None:
            self._judging.judge(self._draft.recipe, self._judged)

    def _begin(self, origin: Origin) -> None:
        if self._draft is None:
            self._draft = Draft(origin)
        else:
            self._draft.begin(origin)
        self.machine.forget_given()
        self.plan.pick_run()
        self._refresh()

    def _preset(self, name: str) -> Origin:
        return Origin(name, self._recipes[name], name)

    def _refresh(self) -> None:
        """Show the draft as it is now, and have it checked."""
        assert self._draft is not None
        self.gallery.mark(self._draft.origin.name)
        self.undo.setEnabled(self._draft.can_undo)
        self.redo.setEnabled(self._draft.can_redo)
        differences = self._draft.differences()
        self.plan.show_draft(self._draft, differences, every=self.every.isChecked())
        self.changes.show_differences(self._draft.origin.name, differences)
        self.tabs.setTabText(CHANGES, f"Changes  {len(differences)}" if differences else "Changes")
        data, inception = self.plan.needs()
        self.machine.show_needs(data, inception=inception)
        self.check()

    def _judged(self, verdict: Verdict | None) -> None:
        """Say what a check found; None while it is not done."""
        self._verdict = verdict
        if verdict is None:
            self.bar.let(False)
            self.bar.say("Looking at the run that weights are taken from…", wrong=False)
            return
        if not self._folder_typed and verdict.config is not None:
            self._propose_folder(verdict.config.name)
        count = verdict.count + self.plan.show_verdict(verdict)
        self.bar.let(count == 0)
        self.estimate.show_experiment(verdict.config, self.machine.device.text())
        problems = f"{count} field{'s' if count != 1 else ''} to mend"
        self.bar.say(problems if count else "Everything fits.", wrong=bool(count))

    def _propose_folder(self, name: str) -> None:
        folder = folder_for(name, self._root, typed_path(self.folder.text()), self._given)
        if str(folder) != self.folder.text():
            self.folder.input.blockSignals(True)
            self.folder.set_text(str(folder))
            self.folder.input.blockSignals(False)

    def _folder_edited(self) -> None:
        self._folder_typed = True

    def _turn(self, index: int) -> None:
        self.pages.setCurrentIndex(index)
        self.every.setVisible(index == PLAN)

    def _turn_to_plan(self) -> None:
        self.tabs.setCurrentIndex(PLAN)
        self.plan.outline.take_focus()

    def _edit(self, path: str, value: object) -> None:
        assert self._draft is not None
        self._draft.edit(path, value)
        self._refresh()

    def _reset(self, path: str) -> None:
        assert self._draft is not None
        first = self._draft.first(path)
        if first is not None:
            self._edit(path, first.given)

    def _edit_tree(self, edit: Any) -> None:
        assert self._draft is not None
        self._draft.edit_tree(edit)
        self.plan.pick(edit.selected)
        self._refresh()

    def _step(self, back: bool) -> None:
        assert self._draft is not None
        self._draft.undo() if back else self._draft.redo()
        self._refresh()

    def _restart(self) -> None:
        assert self._draft is not None
        self._draft.begin(self._draft.origin)
        self._refresh()

    def _filled(self) -> tuple[Path, RunConfig, ExecutionRequest] | None:
        request = self.machine.request()
        if self._verdict is None or self._verdict.config is None or request is None:
            return None
        self.estimate.stop()
        return typed_path(self.folder.text()), self._verdict.config, request

    def _start(self) -> None:
        if filled := self._filled():
            self.bar.let(False)
            self._spent = True
            self.start_wanted.emit(*filled)

    def _queue(self) -> None:
        """Hand the run on, and stay for a variation of it, which needs a folder of its own."""
        if filled := self._filled():
            self._given.add(filled[0])
            self.queue_wanted.emit(*filled)
            self._folder_typed = False
            self.check()
            self.bar.say(f"{filled[1].name} was added to the queue.", wrong=False)

    def _copy(self) -> None:
        request = self.machine.request()
        if self._draft is not None and request is not None:
            self._copying.copy(self._draft, typed_path(self.folder.text()), request)

    def _wire(self) -> None:
        self.tabs.currentChanged.connect(self._turn)
        self.gallery.chosen.connect(self.choose_preset)
        self.gallery.run_wanted.connect(self.run_wanted)
        self.gallery.file_wanted.connect(self.file_wanted)
        self.plan.edited.connect(self._edit)
        self.plan.tree_edited.connect(self._edit_tree)
        self.plan.reset_wanted.connect(self._reset)
        self.plan.picked.connect(self._refresh)
        self.plan.wanted.connect(lambda path: self.reveal(path).setFocus())
        self.changes.picked.connect(lambda path: self.reveal(path).setFocus())
        self.changes.restart_wanted.connect(self._restart)
        self.every.toggled.connect(self._refresh)
        self.undo.clicked.connect(partial(self._step, back=True))
        self.redo.clicked.connect(partial(self._step, back=False))
        self.folder.edited.connect(self._folder_edited)
        for part in (self.folder, self.machine):
            part.edited.connect(self.check)
        self.start.clicked.connect(self._start)
        self.queue.clicked.connect(self._queue)
        self.command.clicked.connect(self._copy)
        self._copying.said.connect(self.bar.say)
        self.cancel.clicked.connect(self.cancelled)

    def _lay_out(self) -> None:
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for words, tip, page in (
            ("Presets", "Recipes to begin with", self.gallery),
            ("Plan", "The stages and their settings", self.plan),
            ("Changes", "What differs from where you began", self.changes),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(words), tip)
            self.pages.addWidget(page)
        self.every.hide()
        head = QHBoxLayout()
        head.setContentsMargins(24, 16, 24, 0)
        head.setSpacing(8)
        head.addWidget(label("New run", "title"))
        head.addSpacing(24)
        head.addWidget(self.tabs)
        head.addStretch(1)
        for button in (self.every, self.undo, self.redo):
            head.addWidget(button)
        body = QHBoxLayout()
        body.setContentsMargins(24, 12, 16, 0)
        body.addWidget(self.pages)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addLayout(body, 1)
        whole.addWidget(self.bar)
