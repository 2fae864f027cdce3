"""The stage tree of a recipe as cards that can be added, copied and removed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCursor, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from cfd_studio.gui.models.tree_edits import (
    TreeEdit,
    duplicated,
    hanging_on,
    models_of,
    removed,
    steps_of_teacher,
    with_classifier,
    with_student,
    with_teacher,
)
from cfd_studio.gui.widgets import dialogs
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.outline_card import OutlineCard, OutlineContent
from cfd_studio.gui.widgets.scrolled import scrolled

RUN = -1  # the card of what all stages share
_STUDENTS = (
    ("PD chain", "progressive", True),
    ("CFD chain", "feature", True),
    ("PD student", "progressive", False),
    ("CFD student", "feature", False),
)


class StageOutline(QWidget):
    """A card for the run, then one for every stage.

    Signals
    -------
    picked(int)
        The stage whose card was chosen, or `RUN`.
    edited(object)
        A `TreeEdit` that the person wants.
    """

    picked = Signal(int)
    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.cards: dict[int, OutlineCard] = {}
        self.selected = RUN
        self._recipe: dict[str, Any] = {"stages": []}
        self.add = Button("Add", icon="plus", tip="Add a stage: below the chosen one, or beside the others")
        self.copy = Button(icon="clone", tip="Duplicate the chosen stage and what is distilled from it (Ctrl+D)")
        self.remove = Button(icon="trash", tip="Remove the chosen stage and what hangs on it (Delete)")
        self.add.clicked.connect(self._show_add_menu)
        self.copy.clicked.connect(self._duplicate)
        self.remove.clicked.connect(self._remove)
        self._lay_out()

    def show_items(self, recipe: dict[str, Any], items: list[tuple[int, OutlineContent]], selected: int) -> None:
        """Show the cards, in order, and which is chosen."""
        self._recipe = recipe
        if [index for index, _ in items] != list(self.cards):
            self._make_cards(items)
        for index, content in items:
            if self.cards[index].content != content:
                self.cards[index].show_content(content)
        moved, self.selected = selected != self.selected, selected
        for index, card in self.cards.items():
            card.setChecked(index == selected)
        for button in (self.copy, self.remove):
            button.setEnabled(selected != RUN)
        if moved:  # a card that was only just made has no place before the next round of events
            QTimer.singleShot(0, self, self._show_selected)

    def take_focus(self) -> None:
        """Put the keys on the chosen card."""
        self.cards[self.selected].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove with the Delete key."""
        if event.key() == Qt.Key.Key_Delete and self.remove.isEnabled():
            self._remove()
        else:
            super().keyPressEvent(event)

    def add_menu(self) -> QMenu:
        """Return what can be added, below the chosen stage before all else."""
        menu = QMenu(self)
        teachers = self._teachers()
        for words, objective, chain in _STUDENTS:
            below = menu.addMenu(words) if len(teachers) > 1 else menu
            for name, steps in teachers:
                make = partial(with_student, self._recipe, name, steps, objective, chain=chain)
                self._offer(below, f"from {name}" if below is not menu else f"{words} from {name}", make)
        if teachers:
            menu.addSeparator()
        self._offer(menu, "Classifier", partial(with_classifier, self._recipe))
        self._offer(menu, "Teacher", partial(with_teacher, self._recipe))
        return menu

    def card_menu(self) -> QMenu:
        """Return what can be done with the chosen stage."""
        menu = self.add_menu()
        if self.selected != RUN:
            menu.addSeparator()
            menu.addAction("Duplicate branch").triggered.connect(self._duplicate)
            menu.addAction("Remove…").triggered.connect(self._remove)
        return menu

    def _teachers(self) -> list[tuple[str, int]]:
        """Return the models of the chosen stage that can still be halved, with their network calls."""
        if self.selected == RUN:
            return []
        known = models_of(self._recipe["stages"][self.selected])
        calls = [(name, steps_of_teacher(self._recipe, steps)) for name, steps in known]
        return [(name, steps) for name, steps in calls if steps > 1 and steps % 2 == 0]

    def _offer(self, menu: QMenu, words: str, make: Callable[[], TreeEdit]) -> None:
        menu.addAction(words).triggered.connect(lambda: self.edited.emit(make()))

    def _show_selected(self) -> None:
        self._scroll.ensureWidgetVisible(self.cards[self.selected])

    def _show_add_menu(self) -> None:
        self._popup(self.add_menu(), self.add.mapToGlobal(QPoint(0, self.add.height() + 4)))

    def _menu_asked(self, _place: QPoint) -> None:
        card = self.sender()
        index = next((index for index, other in self.cards.items() if other is card), None)
        if index is not None:
            self._pick(index)
            self._popup(self.card_menu(), QCursor.pos())

    def _popup(self, menu: QMenu, place: QPoint) -> None:
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _duplicate(self) -> None:
        if self.selected != RUN:
            self.edited.emit(duplicated(self._recipe, self.selected))

    def _remove(self) -> None:
        if self.selected == RUN:
            return
        stages = self._recipe["stages"]
        name = str(stages[self.selected].get("id"))
        with_it = [str(stages[one].get("id")) for one in hanging_on(self._recipe, self.selected)]
        text = f"What hangs on it goes too: {', '.join(with_it)}. Undo (Ctrl+Z) brings everything back."
        if not with_it or dialogs.ask(self, f"Remove {name}?", text, "Remove", destructive=True):
            self.edited.emit(removed(self._recipe, self.selected))

    def _pick(self, index: int) -> None:
        if index != self.selected:
            self.picked.emit(index)
        self.cards[index].setChecked(True)

    def _move(self, card: OutlineCard, step: int) -> None:
        order = list(self.cards.values())
        place = order.index(card) + step
        if 0 <= place < len(order):
            order[place].setFocus()
            self._pick(list(self.cards)[place])

    def _make_cards(self, items: list[tuple[int, OutlineContent]]) -> None:
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self.cards = {}
        for place, (index, content) in enumerate(items):
            card = OutlineCard(content)
            card.clicked.connect(partial(self._pick, index))
            card.moved.connect(partial(self._move, card))
            card.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            card.customContextMenuRequested.connect(self._menu_asked)
            self.cards[index] = card
            self._column.insertWidget(place, card)

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setProperty("role", "page")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 6, 0)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        self._scroll = scrolled(inside, upright=True)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 6, 0)
        row.setSpacing(6)
        row.addWidget(self.add, 1)
        row.addWidget(self.copy)
        row.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._scroll, 1)
        column.addLayout(row)
