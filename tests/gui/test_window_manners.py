"""The window as a place to live in: keys, arrangement, and what a screen reader is told."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QSplitter

from cfd_studio.gui.shortcut_sheet import ShortcutSheet
from cfd_studio.gui.shortcuts import sections


def test_the_sheet_of_keys_lists_every_key_once(desk: Any) -> None:
    QTest.keyClick(desk.window, Qt.Key.Key_Question)
    (sheet,) = desk.window.findChildren(ShortcutSheet)
    shown = [text.text() for text in sheet.findChildren(QLabel)]
    keys = [shortcut for section in sections(desk.window) for shortcut in section.shortcuts]
    assert len({shortcut.keys for shortcut in keys}) == len(keys)
    assert all(shortcut.words in shown for shortcut in keys)
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    desk.wait(lambda: not desk.window.findChildren(QDialog))


def test_the_arrangement_outlives_the_window_and_can_be_reset(desk: Any) -> None:
    window = desk.window
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
    window.layout_memory.restore()
    assert splitter.saveState() == moved
    assert window.height() == 707  # Qt fits the width into the screen
