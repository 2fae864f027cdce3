"""One line of a form: label, editor, unit, and below it what is wrong. What the editor is, its kinds decide."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label

CAPTION_WIDTH = 108
CAPTION_GAP = 8
UNIT_WIDTH = 48
RESET_WIDTH = 24


class FormRow(QWidget):
    """A labelled editor. Whatever it edits is text here, so that a wrong value can be typed and told.

    Parameters
    ----------
    name : str
    editor : QWidget
    unit : str, optional
    tip : str, optional
    wide : bool, optional
        Whether the editor takes the room of the unit as well.
    beside : QWidget, optional
        Stands in the place of the unit.
    caption_width : int, optional

    Signals
    -------
    edited
        The person changed something.
    reset_wanted
        The value that stood here first is wanted back.
    """

    edited = Signal()
    reset_wanted = Signal()

    def __init__(
        self,
        name: str,
        editor: QWidget,
        *,
        unit: str = "",
        tip: str = "",
        wide: bool = False,
        beside: QWidget | None = None,
        caption_width: int = CAPTION_WIDTH,
    ) -> None:
        super().__init__()
        self._editor = editor
        self.problem_label = label("", "problem", wrap=True)
        self.problem_label.hide()
        self.reset: Button | None = None
        self._name = name
        self._caption = caption = label(name, wrap=True)
        caption.setBuddy(editor)
        caption.setFixedWidth(caption_width)
        for part in (self, caption, editor):
            part.setToolTip(tip)
        editor.setAccessibleName(name)
        editor.setAccessibleDescription(tip)
        self.setFocusProxy(editor)
        self._grid = grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(CAPTION_GAP)
        grid.setVerticalSpacing(4)
        grid.addWidget(caption, 0, 0)
        grid.addWidget(editor, 0, 1)
        if not wide:
            beside = beside or label(unit, "faint")
            beside.setFixedWidth(UNIT_WIDTH)
            grid.addWidget(beside, 0, 2)
        grid.addWidget(self.problem_label, 1, 1, 1, 1 if wide else 2)
        grid.setColumnStretch(1, 1)

    def text(self) -> str:
        """Return what stands in the editor."""
        raise NotImplementedError

    def set_text(self, text: str) -> None:
        """Fill the editor."""
        raise NotImplementedError

    def show_first(self, first: str | None) -> None:
        """Mark the field as changed and offer what stood there first, in words; None takes the mark away."""
        assert self.reset is not None
        self.reset.setVisible(first is not None)
        self.reset.setToolTip(f"Set back to {first}")
        self.reset.setAccessibleName(f"Set {self._name} back to {first}")
        role = "changed" if first is not None else ""
        if self._caption.property("role") != role:
            self._caption.setProperty("role", role)
            self._caption.style().unpolish(self._caption)
            self._caption.style().polish(self._caption)

    def make_resettable(self) -> None:
        """Leave room for a button that sets the field back, so that nothing moves when it comes."""
        self.reset = Button(icon="arrow-rotate-left", role="ghost")
        self.reset.setProperty("small", True)
        self.reset.setFixedWidth(RESET_WIDTH)
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self.reset.hide()
        self.reset.clicked.connect(self.reset_wanted)
        self._grid.addWidget(self.reset, 0, 3)

    def problem(self) -> str:
        """Return the sentence shown below the editor, or nothing."""
        return "" if self.problem_label.isHidden() else self.problem_label.text()

    def show_problem(self, sentence: str) -> None:
        """Say what is wrong; an empty sentence takes it back."""
        sentence = sentence[:1].upper() + sentence[1:]
        if sentence == self.problem():
            return
        self.problem_label.setText(sentence)
        self.problem_label.setVisible(bool(sentence))
        self._editor.setProperty("wrong", bool(sentence))
        self._editor.style().unpolish(self._editor)
        self._editor.style().polish(self._editor)
        self._editor.setAccessibleDescription(sentence or self.toolTip())
