"""The keys of the main window: one table, of which the keys and the sheet that lists them are made."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QLineEdit

from cfd_studio.gui import widget_keys
from cfd_studio.gui.widget_keys import Key, keys_of

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


@dataclass(frozen=True, slots=True)
class Shortcut(Key):
    """A key of the whole window, what it does in words, and the doing."""

    act: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Section:
    """Keys that belong together; ``own`` are those that widgets take themselves while they have the keyboard."""

    name: str
    shortcuts: tuple[Shortcut, ...]
    own: tuple[Key, ...] = ()


def sections(window: "MainWindow") -> list[Section]:
    """Return all keys; one does nothing where its button could not be pressed."""
    header, page = window.page.header, window.page
    return [
        Section(
            "Runs",
            (
                Shortcut("Ctrl+N", "New run", window.show_new_run),
                Shortcut("Ctrl+O", "Open a run folder", window.file_choices.choose_run),
                Shortcut("Ctrl+F", "Search the runs", partial(_search, window.sidebar.browser.search)),
                Shortcut("Ctrl+I", "Import a checkpoint", window.transfers.choose_checkpoint),
                Shortcut("Ctrl+J", "The queue", window.queue_desk.show),
            ),
        ),
        Section("In the list of runs", (), widget_keys.RUN_LIST),
        Section("In the queue", (), keys_of(window.queue_panel.list)),
        Section(
            "The form",
            (
                Shortcut("Ctrl+Return", "Start the run", partial(_press, window.new_run.start)),
                Shortcut("Esc", "Leave the form", partial(_press, window.new_run.cancel)),
                Shortcut("Ctrl+Z", "Undo an edit of the stages", partial(_press, window.new_run.undo)),
                Shortcut("Ctrl+Shift+Z", "Redo it", partial(_press, window.new_run.redo)),
                Shortcut("Ctrl+D", "Duplicate the stage", partial(_press, window.new_run.plan.outline.copy)),
            ),
            widget_keys.FORM,
        ),
        Section(
            "The open run",
            (
                Shortcut("Ctrl+R", "Start or resume", partial(_press, header.start)),
                Shortcut("Ctrl+P", "Pause, or go on", partial(_press, header.pause)),
                Shortcut("Ctrl+S", "Write a checkpoint now", partial(_press, header.save)),
                Shortcut("Ctrl+.", "Stop and keep", header.stop_keep.trigger),
            ),
        ),
        Section(
            "Pages",
            (
                Shortcut("Ctrl+1", "Watch", partial(page.tabs.setCurrentIndex, 0)),
                Shortcut("Ctrl+2", "Compare", partial(page.tabs.setCurrentIndex, 1)),
                Shortcut("Ctrl+3", "Judge", partial(page.tabs.setCurrentIndex, 2)),
                Shortcut("Ctrl+4", "Inspect", partial(page.tabs.setCurrentIndex, 3)),
            ),
        ),
        Section(
            "Watch",
            (
                Shortcut("F", "Follow the stage in training", partial(_press, page.curves.follow)),
                Shortcut("L", "Logarithmic axis", partial(_press, page.curves.log)),
            ),
            widget_keys.CHART,
        ),
        Section(
            "Compare",
            (Shortcut("Ctrl+G", "Draw the samples", partial(_press, page.compare.choices.generate)),),
            widget_keys.GRID,
        ),
        Section("Compare: two cells", (), widget_keys.PAIR),
        Section("Compare: pages of images", (), widget_keys.BROWSE),
        Section("Inspect", (), widget_keys.INSPECT),
        Section(
            "The window",
            (
                Shortcut("?", "This sheet", window.settings_desk.show_shortcuts),
                Shortcut("Ctrl+Q", "Close the window", window.close),
            ),
        ),
    ]


def add_shortcuts(window: "MainWindow") -> None:
    """Make the keys."""
    for section in sections(window):
        for shortcut in section.shortcuts:
            QShortcut(QKeySequence(shortcut.keys), window).activated.connect(shortcut.act)


def _search(field: QLineEdit) -> None:
    if field.isVisible():
        field.setFocus()
        field.selectAll()


def _press(button: QAbstractButton) -> None:
    if button.isVisible() and button.isEnabled():
        button.click()
