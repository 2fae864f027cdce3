"""The draft behind the form of a new run: begun, edited, taken back."""

from PySide6.QtCore import QObject, Signal

from cfd_studio.gui.models.draft import Draft, Origin
from cfd_studio.gui.models.tree_edits import TreeEdit


class Drafting(QObject):
    """Carries out what a person does to the draft.

    Signals
    -------
    changed
        It is not what it was.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._draft: Draft | None = None

    @property
    def begun(self) -> bool:
        """Whether there is a draft."""
        return self._draft is not None

    @property
    def draft(self) -> Draft:
        """The draft, once it is begun."""
        assert self._draft is not None
        return self._draft

    def forget(self) -> None:
        """Begin the next one with nothing to go back to."""
        self._draft = None

    def begin(self, origin: Origin) -> None:
        """Begin with a recipe; what was there can be gone back to."""
        if self._draft is None:
            self._draft = Draft(origin)
        else:
            self._draft.begin(origin)
        self.changed.emit()

    def restart(self) -> None:
        """Begin with the same recipe again."""
        self.begin(self.draft.origin)

    def edit(self, path: str, value: object) -> None:
        """Give a field another value."""
        self.draft.edit(path, value)
        self.changed.emit()

    def reset(self, path: str) -> None:
        """Give a field the value that it began with."""
        first = self.draft.first(path)
        if first is not None:
            self.edit(path, first.given)

    def edit_tree(self, edit: TreeEdit) -> None:
        """Add, move or remove stages."""
        self.draft.edit_tree(edit)
        self.changed.emit()

    def undo(self) -> None:
        """Go a state back."""
        self.draft.undo()
        self.changed.emit()

    def redo(self) -> None:
        """Go a state forward again."""
        self.draft.redo()
        self.changed.emit()
