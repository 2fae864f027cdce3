"""Where a new run is to lie: a folder named after it, until somebody types another."""

from pathlib import Path

from cfd_studio.gui.models.run_names import folder_for
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.runs.intake import typed_path


class FolderChoice:
    """Proposes a folder in a row of the form.

    Parameters
    ----------
    row : FieldRow
    """

    def __init__(self, row: FieldRow) -> None:
        self._row = row
        self._root = Path()
        self._given: set[Path] = set()  # folders of runs that wait already
        self._typed = False
        row.edited.connect(self._edited)

    @property
    def path(self) -> Path:
        """The folder as it stands in the row."""
        return typed_path(self._row.text())

    def begin(self, root: Path) -> None:
        """Propose folders below this one, whatever was typed before."""
        self._root, self._typed = root, False

    def propose(self, name: str) -> None:
        """Propose a folder for a run of this name, unless one was typed."""
        if self._typed:
            return
        folder = folder_for(name, self._root, self.path, self._given)
        if str(folder) != self._row.text():
            self._row.input.blockSignals(True)
            self._row.set_text(str(folder))
            self._row.input.blockSignals(False)

    def give_away(self) -> None:
        """Leave the folder to a run that waits for its turn; the next one needs another."""
        self._given.add(self.path)
        self._typed = False

    def _edited(self) -> None:
        self._typed = True
