"""A button with a menu of things to tick, in groups."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from cfd_studio.gui.widgets.buttons import Button


class TickMenu(Button):
    """Says on its face how many things are ticked.

    Signals
    -------
    changed
        The person ticked something, or took a tick away.
    """

    changed = Signal()

    def __init__(self, *, icon: str, tip: str, nothing: str) -> None:
        super().__init__(icon=icon, role="tool", tip=tip)
        self._nothing = nothing
        self._groups: dict[str, dict[str, str]] = {}
        self._ticked: dict[str, tuple[str, ...]] = {}
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)

    def ticked(self, group: str) -> tuple[str, ...]:
        """Return the keys that are ticked, in the order in which they were."""
        return self._ticked.get(group, ())

    def offer(self, group: str, words: dict[str, str]) -> None:
        """Offer things by key; ticks of those that are gone are gone as well."""
        self._groups[group] = words
        self.tick(group, tuple(key for key in self.ticked(group) if key in words))

    def tick(self, group: str, keys: tuple[str, ...]) -> None:
        """Tick these and no others, without telling anybody."""
        if keys != self.ticked(group):
            self._ticked[group] = keys
            count = sum(len(one) for one in self._ticked.values())
            self.setText(f" {count}" if count else "")

    def fill(self) -> None:
        """Make the menu of what is on offer now."""
        self._menu.clear()
        for group, words in self._groups.items():
            if words:
                self._menu.addSection(group).setEnabled(False)
            for key, name in words.items():
                action = self._menu.addAction(name.replace("&", "&&"))
                action.setCheckable(True)
                action.setChecked(key in self.ticked(group))
                action.setData((group, key))
                action.triggered.connect(self._triggered)
        if self._menu.isEmpty():
            self._menu.addAction(self._nothing).setEnabled(False)

    def _triggered(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        group, key = action.data()
        others = tuple(one for one in self.ticked(group) if one != key)
        self.tick(group, (*others, key) if action.isChecked() else others)
        self.changed.emit()
