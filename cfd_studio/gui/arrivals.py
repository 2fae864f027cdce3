"""What is dropped on the window: recognised by the clerk, and handed to whoever takes such things."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

from cfd_studio.gui.widgets.drop_cue import DropCue
from cfd_studio.workspace.arrivals import Arrival, recognise

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


class Arrivals(QObject):
    """Takes drops anywhere on the window.

    Who wants to take another kind of thing adds it to the table here and to `cfd_studio.workspace.arrivals`.
    """

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._cue = DropCue(window)
        self._count = 0  # of drags; an answer about an earlier one is of no interest
        self._takers: dict[str, tuple[str, Callable[[Path], object]]] = {
            "sheet": ("Drop to draw the sheet {} again", window.sheets.open),
            "run": ("Drop to open the run {}", window.open_run),
            "recipe": ("Drop to plan a run with {}", window.beginnings.fill_form_from_file),
            "checkpoint": ("Drop to import the checkpoint {}", window.transfers.ask_about_checkpoint),
            "images": ("Drop to train on the images in {}", partial(window.beginnings.fill_form_with_images, "folder")),
            "arrays": ("Drop to train on the arrays in {}", partial(window.beginnings.fill_form_with_images, "arrays")),
        }
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow a drag over the window."""
        match event:
            case QDropEvent() if event.type() == QEvent.Type.Drop:
                self._dropped(event)
            case QDragEnterEvent():
                self._entered(event)
            case QDragMoveEvent():
                event.acceptProposedAction()
            case _ if event.type() == QEvent.Type.DragLeave:
                self._count += 1
                self._cue.hide()
            case _:
                return super().eventFilter(watched, event)
        return True

    def _entered(self, event: QDragEnterEvent) -> None:
        paths = _paths(event)
        if not paths:
            event.ignore()
            return
        event.acceptProposedAction()
        self._count += 1
        self._cue.say("Drop to open")
        answer = partial(self._seen, self._count)
        self._window.clerk.submit(partial(recognise, paths), answer, partial(self._unknown, self._count))

    def _seen(self, number: int, arrival: Arrival) -> None:
        if number == self._count and self._cue.isVisible():
            self._cue.say(self._takers[arrival.kind][0].format(arrival.path.name))

    def _unknown(self, number: int, error: Exception) -> None:
        if number == self._count and self._cue.isVisible():
            self._cue.say(str(error), wrong=True)

    def _dropped(self, event: QDropEvent) -> None:
        self._count += 1
        self._cue.hide()
        paths = _paths(event)
        if paths:
            event.acceptProposedAction()
            self._window.clerk.submit(partial(recognise, paths), self._take, self._refuse)

    def _take(self, arrival: Arrival) -> None:
        self._takers[arrival.kind][1](arrival.path)

    def _refuse(self, error: Exception) -> None:
        self._window.say(str(error))


def _paths(event: QDropEvent) -> list[Path]:
    """Return the files and folders that are dragged; what lies on another machine is left out."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
