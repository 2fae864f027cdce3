"""What the settings menu offers, done: the theme, the room for kept samples, the layout, the sheet of keys."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import isValid

from cfd_studio.gui.room_dialog import RoomDialog
from cfd_studio.gui.shortcut_sheet import ShortcutSheet
from cfd_studio.gui.shortcuts import sections
from cfd_studio.workspace.drawings import kept_bytes, make_room

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class SettingsDesk(QObject):
    """Wires the menu to the window.

    Signals
    -------
    room_changed(int)
        The room for kept samples, in MiB.
    """

    room_changed = Signal(int)

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        menu = window.sidebar.menu
        menu.show_theme(window.preferences.settings.theme)
        menu.theme_wanted.connect(window.preferences.choose_theme)
        menu.room_wanted.connect(self.ask_room)
        menu.reset_wanted.connect(window.layout_memory.reset)
        menu.shortcuts_wanted.connect(self.show_shortcuts)

    @Slot()
    def show_shortcuts(self) -> None:
        """List the keys."""
        ShortcutSheet(self._window, sections(self._window)).open()

    @Slot()
    def ask_room(self) -> None:
        """Ask how much room kept samples may take."""
        dialog = RoomDialog(self._window, self._window.preferences.settings.drawings_mib)
        dialog.wanted.connect(self._take_room)
        dialog.emptying_wanted.connect(partial(self._make_room, dialog, 0))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        self._measure(dialog)

    def _take_room(self, most_mib: int) -> None:
        preferences = self._window.preferences
        preferences.remember(preferences.settings.model_copy(update={"drawings_mib": most_mib}))
        self.room_changed.emit(most_mib)
        self._window.clerk.submit(partial(make_room, most_mib))

    def _make_room(self, dialog: RoomDialog, most_mib: int) -> None:
        dialog.empty.setEnabled(False)
        self._window.clerk.submit(partial(make_room, most_mib), lambda _: self._measure(dialog))

    def _measure(self, dialog: RoomDialog) -> None:
        self._window.clerk.submit(kept_bytes, partial(_show_used, dialog))


def _show_used(dialog: RoomDialog, size: int) -> None:
    if isValid(dialog):
        dialog.show_used(size)
