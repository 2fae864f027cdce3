"""The plan of a new run: a preset, the stages as cards, their fields, and what is wrong beside each."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.changes_view import ChangesView
from cfd_studio.gui.command_copy import CommandCopy
from cfd_studio.gui.drafting import Drafting
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.folder_choice import FolderChoice
from cfd_studio.gui.form_bar import FormBar
from cfd_studio.gui.form_head import PLAN, PRESETS, FormHead
from cfd_studio.gui.models.draft import Origin
from cfd_studio.gui.models.gallery import preset_content
from cfd_studio.gui.models.tree_edits import TreeEdit
from cfd_studio.gui.models.verdict import Verdict
from cfd_studio.gui.plan_view import PlanView
from cfd_studio.gui.preset_gallery import PresetGallery
from cfd_studio.gui.verdict_desk import VerdictDesk
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionRequest


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
        self._drafting = Drafting()
        self._verdict: Verdict | None = None
        self._spent = False
        self.gallery = PresetGallery()
        self.plan = PlanView(devices)
        self.changes = ChangesView()
        self.folder, self.machine = self.plan.folder, self.plan.machine
        self._place = FolderChoice(self.folder)
        self._judging = VerdictDesk(clerk)
        self._copying = CommandCopy(self, clerk)
        self.head = FormHead()
        self.tabs, self.every = self.head.tabs, self.head.every
        self.undo, self.redo = self.head.undo, self.head.redo
        self.bar = FormBar(desk)
        self.verdict, self.estimate = self.bar.verdict, self.bar.estimate
        self.start, self.queue, self.command = self.bar.start, self.bar.queue, self.bar.command
        self.cancel = self.bar.cancel
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
        self._recipes = recipes
        self._spent = False
        self._place.begin(root)
        self.machine.fill(request, folders)
        self.gallery.show_presets({name: preset_content(name, raw) for name, raw in recipes.items()})
        self._drafting.forget()
        self.tabs.setCurrentIndex(PRESETS)
        self._begin(self._preset(next(iter(recipes))))

    @property
    def in_use(self) -> bool:
        """Whether somebody fills the form, or has left it half filled."""
        return self._drafting.begun and not self._spent

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
            self._drafting.edit("data.name", data)
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
        if self._drafting.begun:
            self._judging.judge(self._drafting.draft.recipe, self._judged)

    def _begin(self, origin: Origin) -> None:
        self.machine.forget_given()
        self.plan.pick_run()
        self._drafting.begin(origin)

    def _preset(self, name: str) -> Origin:
        return Origin(name, self._recipes[name], name)

    def _refresh(self) -> None:
        """Show the draft as it is now, and have it checked."""
        draft = self._drafting.draft
        self.gallery.mark(draft.origin.name)
        self.undo.setEnabled(draft.can_undo)
        self.redo.setEnabled(draft.can_redo)
        differences = draft.differences()
        self.plan.show_draft(draft, differences, every=self.every.isChecked())
        self.changes.show_differences(draft.origin.name, differences)
        self.head.count_changes(len(differences))
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
        if verdict.config is not None:
            self._place.propose(verdict.config.name)
        count = verdict.count + self.plan.show_verdict(verdict)
        self.bar.let(count == 0)
        self.estimate.show_experiment(verdict.config, self.machine.request())
        problems = f"{count} field{'s' if count != 1 else ''} to mend"
        self.bar.say(problems if count else "Everything fits.", wrong=bool(count))

    def _turn(self, index: int) -> None:
        self.pages.setCurrentIndex(index)
        self.every.setVisible(index == PLAN)

    def _turn_to_plan(self) -> None:
        self.tabs.setCurrentIndex(PLAN)
        self.plan.outline.take_focus()

    def _edit_tree(self, edit: TreeEdit) -> None:
        self.plan.pick(edit.selected)
        self._drafting.edit_tree(edit)

    def _filled(self) -> tuple[Path, RunConfig, ExecutionRequest] | None:
        request = self.machine.request()
        if self._verdict is None or self._verdict.config is None or request is None:
            return None
        self.estimate.stop()
        return self._place.path, self._verdict.config, request

    def _start(self) -> None:
        if filled := self._filled():
            self.bar.let(False)
            self._spent = True
            self.start_wanted.emit(*filled)

    def _queue(self) -> None:
        """Hand the run on, and stay for a variation of it, which needs a folder of its own."""
        if filled := self._filled():
            self._place.give_away()
            self.queue_wanted.emit(*filled)
            self.check()
            self.bar.say(f"{filled[1].name} was added to the queue.", wrong=False)

    def _copy(self) -> None:
        request = self.machine.request()
        if self._drafting.begun and request is not None:
            self._copying.copy(self._drafting.draft, self._place.path, request)

    def _wire(self) -> None:
        self.tabs.currentChanged.connect(self._turn)
        self.gallery.chosen.connect(self.choose_preset)
        self.gallery.run_wanted.connect(self.run_wanted)
        self.gallery.file_wanted.connect(self.file_wanted)
        self._drafting.changed.connect(self._refresh)
        self.plan.edited.connect(self._drafting.edit)
        self.plan.tree_edited.connect(self._edit_tree)
        self.plan.reset_wanted.connect(self._drafting.reset)
        self.plan.picked.connect(self._refresh)
        self.plan.wanted.connect(lambda path: self.reveal(path).setFocus())
        self.changes.picked.connect(lambda path: self.reveal(path).setFocus())
        self.changes.restart_wanted.connect(self._drafting.restart)
        self.every.toggled.connect(self._refresh)
        self.undo.clicked.connect(self._drafting.undo)
        self.redo.clicked.connect(self._drafting.redo)
        for part in (self.folder, self.machine):
            part.edited.connect(self.check)
        self.start.clicked.connect(self._start)
        self.queue.clicked.connect(self._queue)
        self.command.clicked.connect(self._copy)
        self._copying.said.connect(self.bar.say)
        self.cancel.clicked.connect(self.cancelled)

    def _lay_out(self) -> None:
        for page in (self.gallery, self.plan, self.changes):
            self.pages.addWidget(page)
        body = QHBoxLayout()
        body.setContentsMargins(24, 12, 16, 0)
        body.addWidget(self.pages)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.head)
        whole.addLayout(body, 1)
        whole.addWidget(self.bar)
