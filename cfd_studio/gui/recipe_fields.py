"""The fields of one part of a recipe, as cards in columns."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cfd_studio.gui.models.fields import FormField
from cfd_studio.gui.models.form import FormGroup
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.path_row import PathRow
from cfd_studio.gui.widgets.tick_row import TickRow

MOST_COLUMNS = 3
COLUMN_WIDTH = 320  # narrower, a value that is words has no room
_SPACING = 16
_SECOND_HEIGHT = 8  # in lines of a form, about
# What is chosen rather than typed, and the files to choose from; a folder where there are none.
_PATHS = {".source.path": "", ".source.file": "Weights (*.pth *.safetensors)"}


class RecipeFields(QWidget):
    """One card per group, in columns of about equal height.

    Signals
    -------
    edited(str, object)
        The path of a field, and the value that the person gave it.
    reset_wanted(str)
        The path of a field that is to be as it was.
    """

    edited = Signal(str, object)
    reset_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, FormRow] = {}
        self._fields: dict[str, FormField] = {}
        self._titles: list[tuple[QLabel, QLabel]] = []
        self._cards: list[tuple[QWidget, int]] = []
        self._second: QWidget | None = None
        self._shape: object = None
        self._columns = [QVBoxLayout() for _ in range(MOST_COLUMNS)]
        self._placed = 0
        self._own_undo = _FormUndo(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_SPACING)
        for column in self._columns:
            column.setSpacing(_SPACING)
            above = QVBoxLayout()  # not an alignment: Qt gives an aligned layout no room for lines that wrap
            above.addLayout(column)
            above.addStretch(1)
            row.addLayout(above, 1)

    def show_groups(self, groups: list[FormGroup], known: Callable[[str], list[str]], second: QWidget | None) -> None:
        """Show fields; those that are there already are filled anew, and keep the focus.

        Parameters
        ----------
        groups : list of FormGroup
        known : callable
            Returns what may stand in a field of that path, to be chosen from.
        second : QWidget or None
            A card of another kind that stands behind the first.
        """
        fields = {field.path: field for group in groups for field in group.fields}
        choices = {path: tuple(known(path)) for path in fields}
        shape = [
            (one.path, one.editor, one.choices and tuple(one.choices), choices[one.path]) for one in fields.values()
        ]
        self._fields = fields
        if (shape, second) == self._shape:
            self._refill()
        else:
            self._shape = (shape, second)
            self._draw(groups, choices, second)
        for (title, subtitle), group in zip(self._titles, groups, strict=True):
            title.setText(group.title)
            subtitle.setText(group.subtitle)
            subtitle.setVisible(bool(group.subtitle))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use as many columns as have room."""
        super().resizeEvent(event)
        if self._count() != self._placed:
            self._place()

    def _refill(self) -> None:
        for path, row in self.rows.items():
            field = self._fields[path]
            if field.value(row.text()) != field.given:
                row.blockSignals(True)
                row.set_text(field.text)
                row.blockSignals(False)

    def _draw(self, groups: list[FormGroup], choices: dict[str, tuple[str, ...]], second: QWidget | None) -> None:
        focused = next((path for path, row in self.rows.items() if row.isAncestorOf(self.focusWidget() or self)), "")
        self.setUpdatesEnabled(False)
        for card, _ in self._cards:
            card.hide()
            if card is self._second:
                for column in self._columns:
                    column.removeWidget(card)
            else:
                card.deleteLater()
        self.rows, self._titles, self._cards, self._second = {}, [], [], second
        for group in groups:
            self._cards.append((self._card(group, choices), 2 + len(group.fields)))
        if second is not None:
            second.setParent(self)
            self._cards.insert(1, (second, _SECOND_HEIGHT))
        self._place()
        if focused in self.rows:
            self.rows[focused].setFocus()
        # Else the new cards are seen for a moment squeezed into the height that the old ones had.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        self.setUpdatesEnabled(True)

    def _count(self) -> int:
        fitting = (self.width() + _SPACING) // (COLUMN_WIDTH + _SPACING)
        return max(1, min(MOST_COLUMNS, fitting))

    def _place(self) -> None:
        """Put each card into the column that is shortest so far."""
        self._placed = self._count()
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        for index in range(MOST_COLUMNS):
            row.setStretch(index, int(index < self._placed))
        heights = [0] * self._placed
        for card, height in self._cards:
            target = heights.index(min(heights))
            self._columns[target].addWidget(card)
            card.show()
            heights[target] += height

    def _card(self, group: FormGroup, choices: dict[str, tuple[str, ...]]) -> QFrame:
        card = QFrame(self)
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 8, 16)
        column.setSpacing(8)
        title, subtitle = label(group.title, "section"), label(group.subtitle, "faint", wrap=True)
        self._titles.append((title, subtitle))
        column.addWidget(title)
        column.addWidget(subtitle)
        for section in group.sections:
            if section.heading:
                column.addSpacing(6)
                column.addWidget(label(section.heading.upper(), "caption"))
            for field in section.fields:
                row = _row(field, list(choices[field.path]))
                row.make_resettable()
                row.edited.connect(partial(self._tell, field.path))
                row.reset_wanted.connect(partial(self.reset_wanted.emit, field.path))
                row.focusProxy().installEventFilter(self._own_undo)  # type: ignore[union-attr]
                self.rows[field.path] = row
                column.addWidget(row)
        return card

    def _tell(self, path: str) -> None:
        self.edited.emit(path, self._fields[path].value(self.rows[path].text()))


class _FormUndo(QObject):
    """Leaves Ctrl+Z in a text field to the form, which remembers more than the field does."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the keys of undo and redo through to the window's shortcuts."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            steps = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)
            if any(event.matches(key) for key in steps):
                event.ignore()
                return True
        return super().eventFilter(watched, event)


def _row(field: FormField, known: list[str]) -> FormRow:
    words: dict[str, Any] = {"text": field.text, "tip": field.help}
    if field.choices is not None:
        nothing = field.empty[:1].upper() + field.empty[1:]
        return ChoiceRow(field.label, {text: text or nothing for text in field.choices}, **words)
    for end, kinds in _PATHS.items():
        if field.path.endswith(end):
            return PathRow(field.label, kinds=kinds, empty=field.empty, **words)
    if field.editor == "tick":
        return TickRow(field.label, **words)
    return FieldRow(
        field.label, unit=field.unit, empty=field.empty, wide=not field.unit, choices=known or None, **words
    )
