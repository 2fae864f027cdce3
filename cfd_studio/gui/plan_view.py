"""The stages of a recipe beside the fields of the chosen one."""

from functools import partial
from html import escape

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.machine_fields import MachineFields
from cfd_studio.gui.models.draft import Difference, Draft
from cfd_studio.gui.models.form import run_groups, stage_groups
from cfd_studio.gui.models.outline import known_values, outline
from cfd_studio.gui.models.verdict import Verdict
from cfd_studio.gui.recipe_fields import RecipeFields
from cfd_studio.gui.stage_outline import RUN, StageOutline
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.outline_card import OutlineContent
from cfd_studio.gui.widgets.scrolled import scrolled

_OUTLINE_WIDTH = 272
_MOST_TOLD = 6


class PlanView(QWidget):
    """Shows a draft. What is wrong and not in sight is told above the fields, each with a way to it.

    Signals
    -------
    edited(str, object)
        A field by its path, and its new value.
    reset_wanted(str)
        A field by its path.
    tree_edited(object)
        A `TreeEdit`.
    picked
        Another stage is to be shown.
    wanted(str)
        A field that is not in sight is.
    """

    edited = Signal(str, object)
    reset_wanted = Signal(str)
    tree_edited = Signal(object)
    picked = Signal()
    wanted = Signal(str)

    def __init__(self, devices: list[str]) -> None:
        super().__init__()
        self.outline = StageOutline()
        self.fields = RecipeFields()
        self.folder = FieldRow("Folder", tip="The run's folder; new or empty", wide=True)
        self.machine = MachineFields(devices)
        self.summary = label("", "muted", wrap=True)
        self.comparable = label("", "faint", wrap=True)
        self.elsewhere = label("", "problem", wrap=True)
        self.elsewhere.setTextFormat(Qt.TextFormat.RichText)
        self.elsewhere.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse
                                               | Qt.TextInteractionFlag.LinksAccessibleByKeyboard)  # fmt: skip
        self.elsewhere.linkActivated.connect(self.wanted)
        self._draft: Draft | None = None
        self._chosen = RUN
        self._verdict: Verdict | None = None
        self._wrong: dict[str, int] = {}
        self._changed: set[str] = set()
        self._here = self._machine_card()
        self._lay_out()
        self.outline.picked.connect(self._pick)
        self.outline.edited.connect(self.tree_edited)
        self.fields.edited.connect(self.edited)
        self.fields.reset_wanted.connect(self.reset_wanted)

    def show_draft(self, draft: Draft, differences: list[Difference], *, every: bool) -> None:
        """Show the stages, and the fields of the chosen one."""
        self._draft = draft
        recipe = draft.recipe
        self._chosen = self._chosen if self._chosen < len(recipe["stages"]) else RUN
        self._changed = {one.path for one in differences}
        whole = self._chosen == RUN
        groups = run_groups(recipe, every=every) if whole else stage_groups(recipe, self._chosen, every=every)
        self.fields.show_groups(groups, partial(known_values, recipe), self._here if whole else None)
        for path, row in self.fields.rows.items():
            first = draft.first(path) if path in self._changed else None
            row.show_first(first.text or "empty" if first is not None else None)
        comparable = str(recipe.get("comparable", ""))
        self.summary.setText(str(recipe.get("summary", "")))
        self.comparable.setText(f"Comparable with: {comparable}")
        self.summary.setVisible(whole and bool(self.summary.text()))
        self.comparable.setVisible(whole and bool(comparable))
        self._show_outline()

    def show_verdict(self, verdict: Verdict) -> int:
        """Say what is wrong; return how many fields of this machine are."""
        here = self.machine.check()
        self.folder.show_problem("" if self.folder.text() else "Give the run a folder")
        here += bool(self.folder.problem())
        for path, row in self.fields.rows.items():
            row.show_problem(verdict.beside.get(path, ""))
        self._wrong = {}
        for path in verdict.beside:
            self._wrong[_owner(path)] = self._wrong.get(_owner(path), 0) + 1
        if here:
            self._wrong[""] = self._wrong.get("", 0) + here
        self._verdict = verdict
        self._tell_elsewhere(verdict)
        self._show_outline()
        return here

    def changeEvent(self, event: QEvent) -> None:
        """Write the links in the colour of the new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._verdict is not None:
            self._tell_elsewhere(self._verdict)

    def needs(self) -> tuple[str, bool]:
        """Return the name of the data set, and whether Inception judges."""
        assert self._draft is not None
        recipe = self._draft.recipe
        data, judging = recipe.get("data", {}), recipe.get("evaluation", {})
        return str(data.get("name", "none")), bool(judging.get("inception"))

    def shows(self, path: str) -> bool:
        """Tell whether a field is in sight."""
        return path in self.fields.rows or (self._chosen == RUN and path == "folder")

    def row(self, path: str) -> FormRow:
        """Return a field that is in sight."""
        return self.folder if path == "folder" else self.fields.rows[path]

    def pick(self, index: int) -> None:
        """Choose a stage; it is shown with the next draft."""
        self._chosen = index

    def pick_run(self) -> None:
        """Choose what all stages share."""
        self._chosen = RUN

    def pick_stage_of(self, path: str) -> None:
        """Show the part of the recipe that a field belongs to."""
        self._pick(int(_owner(path) or RUN))

    def _pick(self, index: int) -> None:
        self._chosen = index
        self.picked.emit()
        self._scroll.verticalScrollBar().setValue(0)

    def _show_outline(self) -> None:
        assert self._draft is not None
        recipe = self._draft.recipe
        changed = {_owner(path) for path in self._changed}
        name = str(recipe.get("name", "")) or "Run"
        items = [(RUN, OutlineContent(name, "Name, seed, schedule, this machine",
                                      problems=self._wrong.get("", 0), changed="" in changed))]  # fmt: skip
        for one in outline(recipe):
            key = str(one.index)
            content = OutlineContent(one.title, one.words, one.kind, one.rails, self._wrong.get(key, 0), key in changed)
            items.append((one.index, content))
        self.outline.show_items(recipe, items, self._chosen)

    def _tell_elsewhere(self, verdict: Verdict) -> None:
        told = [escape(str(problem)) for problem in verdict.elsewhere]
        told += [
            f'<a href="{escape(path)}" style="color: {theme.current().bad}">{escape(self._named(path))}</a>: '
            f"{escape(words)}"
            for path, words in verdict.beside.items()
            if path not in self.fields.rows
        ]
        if len(told) > _MOST_TOLD:
            told = [*told[:_MOST_TOLD], f"and {len(told) - _MOST_TOLD} more"]
        self.elsewhere.setText("<br>".join(told))
        self.elsewhere.setVisible(bool(told))

    def _named(self, path: str) -> str:
        assert self._draft is not None
        way = path.split(".")
        if way[0] == "stages":
            way[1] = str(self._draft.recipe["stages"][int(way[1])].get("id"))
        return ".".join(way)

    def _machine_card(self) -> QFrame:
        card = QFrame(self)
        card.setProperty("role", "card")
        card.hide()
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(label("This machine", "section"))
        column.addWidget(self.folder)
        column.addWidget(self.machine)
        return card

    def _lay_out(self) -> None:
        self.outline.setFixedWidth(_OUTLINE_WIDTH)
        inner = QWidget()
        inner.setProperty("role", "page")
        page = QVBoxLayout(inner)
        page.setContentsMargins(0, 0, 8, 16)
        page.setSpacing(12)
        for part in (self.summary, self.comparable, self.elsewhere, self.fields):
            page.addWidget(part)
        page.addStretch(1)
        self._scroll = scrolled(inner)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 12)
        left.addWidget(self.outline)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addLayout(left)
        row.addWidget(self._scroll, 1)


def _owner(path: str) -> str:
    """Return the index of the stage that a field belongs to, as text; nothing for one of the run."""
    way = path.split(".")
    return way[1] if way[0] == "stages" and len(way) > 1 else ""
