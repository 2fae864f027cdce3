"""How the window was arranged, kept from one start to the next: its size and place, and where its splitters stand."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, Slot
from PySide6.QtWidgets import QSplitter

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

WINDOW = "window"


class Layout(QObject):
    """Remembers the arrangement in the settings. Every splitter that has an object name takes part.

    Parameters
    ----------
    window : MainWindow
    """

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._splitters: dict[str, QSplitter] = {}
        self._made: dict[str, str] = {}

    def place(self) -> None:
        """Place the window where it was left; where that is unknown, fit it into the screen."""
        kept = self._window.preferences.settings.layout
        if WINDOW not in kept or not self._window.restoreGeometry(_bytes(kept[WINDOW])):
            self._fit()

    def arrange(self) -> None:
        """Arrange the splitters, none of which was in sight yet, as they were left.

        What they look like before is what *Reset layout* goes back to.
        """
        kept = self._window.preferences.settings.layout
        self._splitters = {one.objectName(): one for one in self._window.findChildren(QSplitter) if one.objectName()}
        self._made = {name: _words(splitter.saveState()) for name, splitter in self._splitters.items()}
        for name, splitter in self._splitters.items():
            if name in kept:
                splitter.restoreState(_bytes(kept[name]))

    def remember(self) -> None:
        """Keep the arrangement of this moment."""
        kept = {name: _words(splitter.saveState()) for name, splitter in self._splitters.items()}
        self._keep(kept | {WINDOW: _words(self._window.saveGeometry())})

    @Slot()
    def reset(self) -> None:
        """Go back to the arrangement that the window was made with."""
        for name, splitter in self._splitters.items():
            splitter.restoreState(_bytes(self._made[name]))
        self._window.showNormal()
        self._fit()
        self._keep({})

    def _fit(self) -> None:
        screen, hint = self._window.screen().availableGeometry(), self._window.sizeHint()
        self._window.resize(hint.boundedTo(screen.size()))
        if screen.width() <= hint.width() or screen.height() <= hint.height():
            self._window.setGeometry(screen)

    def _keep(self, layout: dict[str, str]) -> None:
        preferences = self._window.preferences
        preferences.remember(preferences.settings.model_copy(update={"layout": layout}))


def _words(state: QByteArray) -> str:
    return bytes(state.toBase64().data()).decode()


def _bytes(words: str) -> QByteArray:
    return QByteArray.fromBase64(words.encode())
