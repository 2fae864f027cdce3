"""The window's own settings and its help, in one menu."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget


class SettingsMenu(QMenu):
    """Offers the theme, what the window keeps, and the sheet of keys.

    Signals
    -------
    theme_wanted(str)
        ``system``, ``light`` or ``dark``.
    room_wanted, reset_wanted, shortcuts_wanted
        The other entries.
    """

    theme_wanted = Signal(str)
    room_wanted = Signal()
    reset_wanted = Signal()
    shortcuts_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.themes: dict[str, QAction] = {}
        group = QActionGroup(self)
        for choice, words in (("system", "Colours of the system"), ("light", "Light"), ("dark", "Dark")):
            action = self.addAction(words)
            action.setCheckable(True)
            action.setData(choice)
            group.addAction(action)
            self.themes[choice] = action
        group.triggered.connect(self._theme_chosen)
        self.addSeparator()
        self.room = self.addAction("Room for kept samples…")
        self.reset = self.addAction("Reset the layout")
        self.addSeparator()
        self.shortcuts = self.addAction("Keyboard shortcuts\t?")
        self.room.triggered.connect(self.room_wanted)
        self.reset.triggered.connect(self.reset_wanted)
        self.shortcuts.triggered.connect(self.shortcuts_wanted)

    def show_theme(self, choice: str) -> None:
        """Tick a theme."""
        self.themes[choice].setChecked(True)

    def _theme_chosen(self, action: QAction) -> None:
        self.theme_wanted.emit(action.data())
