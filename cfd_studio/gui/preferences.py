"""What the application remembers, in the window: kept on the disk by the clerk, and the theme applied."""

from functools import partial

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from cfd_studio.gui import theme
from cfd_studio.gui.bridge import Clerk
from cfd_studio.workspace.settings import Settings, save_settings


class Preferences(QObject):
    """Holds the settings and follows the system's colours.

    Signals
    -------
    failed(str)
        The settings could not be written, and why.
    """

    failed = Signal(str)

    def __init__(self, settings: Settings, clerk: Clerk, parent: QObject) -> None:
        super().__init__(parent)
        self.settings = settings
        self._clerk = clerk
        QGuiApplication.styleHints().colorSchemeChanged.connect(self.apply_theme)

    def remember(self, settings: Settings) -> None:
        """Use other settings from now on."""
        if settings != self.settings:
            self.settings = settings
            self._clerk.submit(partial(save_settings, settings), None, self._not_saved)

    @Slot(str)
    def choose_theme(self, choice: str) -> None:
        """Use a theme, and remember it."""
        self.remember(Settings.model_validate(self.settings.model_dump() | {"theme": choice}))
        self.apply_theme()

    @Slot()
    def apply_theme(self) -> None:
        """Recolour everything in the theme chosen, or the system's."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        theme.apply(application, self.settings.theme)

    def _not_saved(self, error: Exception) -> None:
        self.failed.emit(f"The settings could not be written: {error}")
