"""A recipe as cards of fields, checked as the person types."""

from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.fields import FormField
from cfd_studio.gui.models.form import FormGroup, form_groups, reshaped
from cfd_studio.gui.models.verdict import Verdict, filled, judge
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.path_row import PathRow
from cfd_studio.gui.widgets.tick_row import TickRow

COLUMNS = 3
# Below this width three columns have no room for values that are words.
ROOM_FOR_THREE = 1240
# What is chosen rather than typed, and the files to choose from; a folder where there are none.
_PATHS = {".source.path": "", ".source.file": "Weights (*.pth *.safetensors)"}


class RecipeCards(QWidget):
    """One card per group, in columns of about equal height.

    Signals
    -------
    edited
        The person changed something, or other fields are shown.
    """

    edited = Signal()

    def __init__(self, first: QWidget) -> None:
        super().__init__()
        self.rows: dict[str, FormRow] = {}
        self._first = first
        self._origin: dict[str, Any] = {}
        self._raw: dict[str, Any] = {}
        self._every = False
        self._groups: list[FormGroup] = []
        self._cards: list[tuple[QFrame, int]] = []
        self._columns = [QVBoxLayout() for _ in range(COLUMNS)]
        self._placed = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        for column in self._columns:
            column.setSpacing(16)
            column.setAlignment(Qt.AlignmentFlag.AlignTop)
            row.addLayout(column, 1)

    def show_recipe(self, raw: dict[str, Any]) -> None:
        """Fill the cards anew."""
        self._origin = self._raw = raw
        self._draw()

    def show_every(self, every: bool) -> None:
        """Show all fields, or only the basic ones; what was typed stays."""
        self._raw = self.recipe()
        self._every = every
        self._draw()

    def recipe(self) -> dict[str, Any]:
        """Return the recipe as it is filled in, right or wrong."""
        return filled(self._raw, self._groups, self._texts())

    def check(self) -> Verdict:
        """Say what is wrong beside each field."""
        verdict = judge(self._raw, self._groups, self._texts())
        for path, row in self.rows.items():
            row.show_problem(verdict.beside.get(path, ""))
        return verdict

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use as many columns as have room."""
        super().resizeEvent(event)
        if self._count() != self._placed:
            self._place()

    def _texts(self) -> dict[str, str]:
        return {path: row.text() for path, row in self.rows.items()}

    def _draw(self) -> None:
        self.setUpdatesEnabled(False)
        self._first.setParent(self)
        for card, _ in self._cards:
            card.hide()
            card.deleteLater()
        self.rows = {}
        self._groups = form_groups(self._raw, every=self._every)
        self._cards = [(self._card(group), 2 + len(group.fields)) for group in self._groups]
        head, height = self._cards[0]
        layout = head.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addSpacing(6)
        layout.addWidget(label("THIS MACHINE", "caption"))
        layout.addWidget(self._first)
        self._first.show()
        self._cards[0] = (head, height + 7)
        self._place()
        self.edited.emit()
        # Else the new cards are seen for a moment squeezed into the height that the old ones had.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        self.setUpdatesEnabled(True)

    def _shape(self, path: str) -> None:
        """Draw anew after a change with which other fields come and go."""
        self._raw = reshaped(self.recipe(), path, self._origin)
        self._draw()
        if path in self.rows:
            self.rows[path].setFocus()

    def _count(self) -> int:
        return COLUMNS if not self._every or self.width() >= ROOM_FOR_THREE else COLUMNS - 1

    def _place(self) -> None:
        """Put each card into the column that is shortest so far."""
        self._placed = self._count()
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.setStretch(COLUMNS - 1, int(self._placed == COLUMNS))
        heights = [0] * self._placed
        for card, height in self._cards:
            target = heights.index(min(heights))
            self._columns[target].addWidget(card)
            card.show()
            heights[target] += height

    def _card(self, group: FormGroup) -> QFrame:
        card = QFrame(self)
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(label(group.title, "section"))
        if group.subtitle:
            column.addWidget(label(group.subtitle, "faint", wrap=True))
        for section in group.sections:
            if section.heading:
                column.addSpacing(6)
                column.addWidget(label(section.heading.upper(), "caption"))
            for field in section.fields:
                row = _row(field)
                row.edited.connect(partial(self._shape, field.path) if field.shapes else self.edited)
                self.rows[field.path] = row
                column.addWidget(row)
        return card


def _row(field: FormField) -> FormRow:
    if field.choices is not None:
        nothing = field.empty[:1].upper() + field.empty[1:]
        return ChoiceRow(
            field.label, {text: text or nothing for text in field.choices}, text=field.text, tip=field.help
        )
    for end, kinds in _PATHS.items():
        if field.path.endswith(end):
            return PathRow(field.label, text=field.text, tip=field.help, kinds=kinds, empty=field.empty)
    if field.editor == "tick":
        return TickRow(field.label, text=field.text, tip=field.help)
    return FieldRow(
        field.label, text=field.text, unit=field.unit, tip=field.help, empty=field.empty, wide=not field.unit
    )
