"""The window as a place to live in: keys, arrangement, and what a screen reader is told."""

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QSplitter

from cfd_studio.gui.room_dialog import RoomDialog
from cfd_studio.gui.shortcut_sheet import ShortcutSheet
from cfd_studio.gui.shortcuts import sections
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest, in_a_row
from cfd_studio.workspace.drawings import Drawings
from cfd_studio.workspace.folders import drawings_folder
from cfd_studio.workspace.settings import load_settings


def test_the_sheet_of_keys_lists_every_key_once(desk: Any) -> None:
    QTest.keyClick(desk.window, Qt.Key.Key_Question)
    (sheet,) = desk.window.findChildren(ShortcutSheet)
    shown = [text.text() for text in sheet.findChildren(QLabel)]
    keys = [shortcut for section in sections(desk.window) for shortcut in section.shortcuts]
    assert len({shortcut.keys for shortcut in keys}) == len(keys)
    own = [key for section in sections(desk.window) for key in section.own]
    assert {"F2", "Alt+Up", "Space", "Home", "1 2"} <= {key.keys for key in own}
    assert all(key.words in shown for key in (*keys, *own))
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    desk.wait(lambda: not desk.window.findChildren(QDialog))


def test_the_settings_menu_leads_to_the_keys_and_to_the_room_for_kept_samples(desk: Any) -> None:
    window, menu = desk.window, desk.window.sidebar.menu
    assert window.sidebar.settings.menu() is menu
    menu.shortcuts.trigger()
    window.findChild(ShortcutSheet).reject()
    drawings, request = Drawings(16), SampleRequest(Path("run"), "teacher", 2, in_a_row(0, 400))
    for key in ("a" * 64, "b" * 64):
        drawings.keep(key, SampleAnswer(request, np.ones((400, 8, 8, 8), np.float32), 0.25, 2))
    menu.room.trigger()
    dialog = window.findChild(RoomDialog)
    desk.wait(lambda: dialog.used.text() == "1.6 MiB in use")
    told: list[int] = []
    window.settings_desk.room_changed.connect(told.append)
    dialog.room.set_text("a lot")
    assert not dialog.accepting.isEnabled()
    dialog.room.set_text("1")
    desk.click(dialog.accepting)
    desk.wait(lambda: load_settings().drawings_mib == 1)
    assert told == [1]
    desk.wait(lambda: len(list(drawings_folder().iterdir())) == 1)  # room for one of them
    desk.wait(lambda: not window.findChildren(RoomDialog))
    menu.room.trigger()
    dialog = window.findChild(RoomDialog)
    assert dialog.room.text() == "1"
    desk.click(dialog.empty)
    desk.wait(lambda: dialog.used.text() == "Nothing is kept")
    assert not list(drawings_folder().iterdir())
    dialog.reject()


def test_the_arrangement_outlives_the_window_and_can_be_reset(desk: Any) -> None:
    window = desk.window
    names = [one.objectName() for one in window.findChildren(QSplitter)]
    assert sorted(names) == sorted(set(names) - {""})  # only what has a name of its own is remembered
    splitter = window.findChild(QSplitter, "watch")
    window.resize(1201, 707)
    splitter.setSizes([500, 300])
    moved = splitter.saveState()
    window.layout_memory.remember()
    kept = window.preferences.settings
    window.layout_memory.reset()
    assert splitter.saveState() != moved
    assert window.preferences.settings.layout == {}
    window.preferences.settings = kept
    window.layout_memory.arrange()
    window.layout_memory.place()
    assert splitter.saveState() == moved
    assert window.height() == 707  # Qt fits the width into the screen
