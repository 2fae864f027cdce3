"""The keys of the main window."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


def add_shortcuts(window: "MainWindow") -> None:
    """Give every frequent button a key; a key does nothing where its button could not be pressed."""
    header, page = window.page.header, window.page
    keys: dict[str, Callable[[], object]] = {
        "Ctrl+N": window.show_new_run,
        "Ctrl+O": window.choose_run,
        "Ctrl+I": window.transfers.choose_checkpoint,
        "Ctrl+R": partial(_press, header.start),
        "Ctrl+P": partial(_press, header.pause),
        "Ctrl+S": partial(_press, header.save),
        "Ctrl+.": header.stop_keep.trigger,
        "Ctrl+G": partial(_press, page.compare.choices.generate),
        "Ctrl+Return": partial(_press, window.new_run.start),
        "Esc": partial(_press, window.new_run.cancel),
        "Ctrl+Z": partial(_press, window.new_run.undo),
        "Ctrl+Shift+Z": partial(_press, window.new_run.redo),
        "Ctrl+D": partial(_press, window.new_run.plan.outline.copy),
        "F": partial(_press, page.curves.follow),
        "L": partial(_press, page.curves.log),
        "Ctrl+1": partial(page.tabs.setCurrentIndex, 0),
        "Ctrl+2": partial(page.tabs.setCurrentIndex, 1),
        "Ctrl+3": partial(page.tabs.setCurrentIndex, 2),
    }
    for key, action in keys.items():
        QShortcut(QKeySequence(key), window).activated.connect(action)


def _press(button: QAbstractButton) -> None:
    if button.isVisible() and button.isEnabled():
        button.click()
