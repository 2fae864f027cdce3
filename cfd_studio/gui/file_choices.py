"""Asks for the run that is opened, and for the run or recipe that a new one begins with."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QWidget

from cfd_studio.gui.widgets import dialogs
from cfd_studio.workspace.folders import runs_folder


class FileChoices(QObject):
    """Tells what a person chose; nothing where they chose nothing.

    Signals
    -------
    run_chosen(object)
        A run folder to open.
    origin_chosen(object)
        A run folder whose settings a new run begins with.
    recipe_chosen(object)
        A file with a recipe to begin with.
    """

    run_chosen = Signal(object)
    origin_chosen = Signal(object)
    recipe_chosen = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    @Slot()
    def choose_run(self) -> None:
        """Ask for a run folder to open."""
        self._tell(self.run_chosen, self._run("Open run folder"))

    @Slot()
    def choose_origin(self) -> None:
        """Ask for a run folder to begin with."""
        self._tell(self.origin_chosen, self._run("Begin with a run"))

    @Slot()
    def choose_recipe(self) -> None:
        """Ask for a recipe to begin with."""
        file = dialogs.choose_file(self._window, "Begin with a recipe", Path.home(), "Recipes (*.json)")
        self._tell(self.recipe_chosen, file)

    def _run(self, title: str) -> Path | None:
        root = runs_folder()
        return dialogs.choose_folder(self._window, title, root if root.is_dir() else Path.home())

    def _tell(self, signal: SignalInstance, chosen: Path | None) -> None:
        if chosen is not None:
            signal.emit(chosen)
