"""One field of a form: label, input, unit, and below it help or what is wrong."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from cfd_studio.gui.widgets.buttons import QuietComboBox
from cfd_studio.gui.widgets.labels import label

CAPTION_WIDTH = 108
CAPTION_GAP = 8


class FieldRow(QWidget):
    """A labelled text field. Numbers are text too, so that a wrong one can be typed and told.

    Signals
    -------
    edited
        The person changed the text.
    """

    edited = Signal()

    def __init__(
        self,
        name: str,
        *,
        text: str = "",
        unit: str = "",
        tip: str = "",
        choices: list[str] | None = None,
        wide: bool = False,
    ) -> None:
        super().__init__()
        self._combo = QuietComboBox() if choices is not None else None
        if self._combo is not None:
            self._combo.setEditable(True)
            self._combo.addItems(choices or [])
            edit = self._combo.lineEdit()
            assert edit is not None
            self.input: QLineEdit = edit
        else:
            self.input = QLineEdit()
        widget: QWidget = self._combo or self.input
        self.set_text(text)
        self.problem_label = label("", "problem", wrap=True)
        self.problem_label.hide()
        caption = label(name)
        caption.setBuddy(widget)
        for part in (self, caption, widget):
            part.setToolTip(tip)
        widget.setAccessibleName(name)
        widget.setAccessibleDescription(tip)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(CAPTION_GAP)
        grid.setVerticalSpacing(4)
        caption.setFixedWidth(CAPTION_WIDTH)
        grid.addWidget(caption, 0, 0)
        grid.addWidget(widget, 0, 1)
        if not wide:
            unit_label = label(unit, "faint")
            unit_label.setFixedWidth(48)
            grid.addWidget(unit_label, 0, 2)
        grid.addWidget(self.problem_label, 1, 1, 1, 1 if wide else 2)
        grid.setColumnStretch(1, 1)
        self._widget = widget
        self.input.textChanged.connect(self.edited)

    def text(self) -> str:
        """Return what stands in the field."""
        return self.input.text().strip()

    def set_text(self, text: str) -> None:
        """Fill the field, and show its beginning."""
        self.input.setText(text)
        self.input.setCursorPosition(0)

    def problem(self) -> str:
        """Return the sentence shown below the field, or nothing."""
        return "" if self.problem_label.isHidden() else self.problem_label.text()

    def show_problem(self, sentence: str) -> None:
        """Say what is wrong; an empty sentence takes it back."""
        sentence = sentence[:1].upper() + sentence[1:]
        if sentence == self.problem():
            return
        self.problem_label.setText(sentence)
        self.problem_label.setVisible(bool(sentence))
        self._widget.setProperty("wrong", bool(sentence))
        self._widget.style().unpolish(self._widget)
        self._widget.style().polish(self._widget)
        self._widget.setAccessibleDescription(sentence or self.toolTip())
