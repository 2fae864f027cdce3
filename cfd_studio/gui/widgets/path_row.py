"""One field of a form that names a file or a folder."""

import os
from pathlib import Path

from PySide6.QtWidgets import QLineEdit

from cfd_studio.gui.widgets import dialogs
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.form_row import FormRow


class PathRow(FormRow):
    """A labelled path, typed or chosen.

    Parameters
    ----------
    name : str
    text : str, optional
    tip : str, optional
    kinds : str, optional
        Filter of a dialog for files; empty for a dialog for folders.
    empty : str, optional
        What an empty field means, shown faintly in it.
    """

    def __init__(self, name: str, *, text: str = "", tip: str = "", kinds: str = "", empty: str = "") -> None:
        self.input = QLineEdit()
        self.browse = Button(icon="folder-open", tip=f"Choose: {name}")
        super().__init__(name, self.input, tip=tip, beside=self.browse)
        self.kinds = kinds
        self.input.setPlaceholderText(empty)
        self.set_text(text)
        self._title = name
        self.input.textChanged.connect(self.edited)
        self.browse.clicked.connect(self._browse)

    def text(self) -> str:
        """Return the path as it was typed."""
        return self.input.text().strip()

    def set_text(self, text: str) -> None:
        """Name a path."""
        self.input.setText(text)

    def _browse(self) -> None:
        start = Path(os.path.expanduser(self.text() or "~"))  # noqa: PTH111, its twin raises
        if self.kinds:
            chosen = dialogs.choose_file(self, self._title, start, self.kinds)
        else:
            chosen = dialogs.choose_folder(self, self._title, start)
        if chosen is not None:
            self.set_text(str(chosen))
