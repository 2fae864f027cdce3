"""The two fields that say how networks are passed through: their number format, and the fast paths."""

from PySide6.QtCore import Slot

from cfd_studio.gui.fast_dialog import FastDialog
from cfd_studio.gui.models.words import PRECISION_WORDS
from cfd_studio.gui.widgets.buttons import ElidedButton
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import read_wishes
from cfd_studio.protocol.wording import wishes_words

_FIELDS = ExecutionRequest.model_fields


def precision_row(text: str = "auto") -> ChoiceRow:
    """Return a field for the number format."""
    info = _FIELDS["precision"]
    return ChoiceRow(info.title or "", PRECISION_WORDS, text=text, tip=info.description or "")


def precision_problem(precision: str, device: str) -> str:
    """Return what is wrong with a number format on a device that is named; what an ``auto`` is, a job finds out."""
    return "TF32 is a format of CUDA devices" if precision == "tf32" and device in ("cpu", "mps") else ""


class FastRow(FormRow):
    """Says in words which fast paths are other than the defaults, and opens a dialog in which each can be switched.

    Parameters
    ----------
    text : str, optional
        As `cfd_studio.protocol.fast_paths.read_wishes` reads it.
    """

    def __init__(self, text: str = "") -> None:
        info = _FIELDS["fast"]
        self.button = ElidedButton()
        super().__init__(
            info.title or "", self.button, tip="Which fast paths a job takes, and what each of them is", wide=True
        )
        self._text = text
        self.set_text(text)
        self.button.clicked.connect(self._ask)

    def text(self) -> str:
        """Return what is asked for, as the command line writes it."""
        return self._text

    def set_text(self, text: str) -> None:
        """Ask for something."""
        changed = text != self._text
        self._text = text
        words = wishes_words(read_wishes(text)) or "measured defaults"
        self.button.set_whole(words[0].upper() + words[1:])
        self.button.setAccessibleName(f"{self._name}: {words}")
        self.button.setToolTip(f"{self.toolTip()}.\nNow: {words}." if text else self.toolTip())
        if changed:
            self.edited.emit()

    @Slot()
    def _ask(self) -> None:
        dialog = FastDialog(self.window(), self._text)
        dialog.wanted.connect(self.set_text)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
