"""One field of a form into which is typed."""

from PySide6.QtWidgets import QLineEdit, QWidget

from cfd_studio.gui.widgets.buttons import QuietComboBox
from cfd_studio.gui.widgets.form_row import CAPTION_WIDTH, FormRow


class FieldRow(FormRow):
    """A labelled text field. Numbers are text too.

    Parameters
    ----------
    name : str
    text : str, optional
    unit, tip, wide, caption_width
        As in `FormRow`.
    choices : list of str, optional
        Offered for convenience; anything else may be typed.
    empty : str, optional
        What an empty field means, shown faintly in it.
    """

    def __init__(
        self,
        name: str,
        *,
        text: str = "",
        unit: str = "",
        tip: str = "",
        choices: list[str] | None = None,
        empty: str = "",
        wide: bool = False,
        caption_width: int = CAPTION_WIDTH,
    ) -> None:
        combo = QuietComboBox() if choices is not None else None
        if combo is not None:
            combo.setEditable(True)
            combo.addItems(choices or [])
            edit = combo.lineEdit()
            assert edit is not None
            self.input: QLineEdit = edit
        else:
            self.input = QLineEdit()
        editor: QWidget = combo or self.input
        super().__init__(name, editor, unit=unit, tip=tip, wide=wide, caption_width=caption_width)
        self.combo = combo
        self.input.setPlaceholderText(empty)
        self.set_text(text)
        self.input.textChanged.connect(self.edited)

    def text(self) -> str:
        """Return what stands in the field."""
        return self.input.text().strip()

    def set_text(self, text: str) -> None:
        """Fill the field, and show its beginning."""
        self.input.setText(text)
        self.input.setCursorPosition(0)
