"""One field of a form whose values are few."""

from cfd_studio.gui.widgets.buttons import QuietComboBox
from cfd_studio.gui.widgets.form_row import CAPTION_WIDTH, FormRow


class ChoiceRow(FormRow):
    """A labelled box of fixed choices.

    Parameters
    ----------
    name : str
    choices : dict of str to str
        What the person reads, by value.
    text : str, optional
        The value chosen first.
    tip : str, optional
    caption_width : int, optional
    """

    def __init__(
        self,
        name: str,
        choices: dict[str, str],
        *,
        text: str = "",
        tip: str = "",
        caption_width: int = CAPTION_WIDTH,
    ) -> None:
        self.box = QuietComboBox()
        for value, words in choices.items():
            self.box.addItem(words, value)
        self.box.setMinimumContentsLength(6)  # it may be narrower than its longest choice
        self.box.setSizeAdjustPolicy(QuietComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        super().__init__(name, self.box, tip=tip, wide=True, caption_width=caption_width)
        if text in choices:
            self.set_text(text)
        self.box.currentIndexChanged.connect(self.edited)

    def text(self) -> str:
        """Return the value chosen."""
        return str(self.box.currentData())

    def set_text(self, text: str) -> None:
        """Choose a value."""
        self.box.setCurrentIndex(self.box.findData(text))
