"""How samples are drawn: the sampler, and what only some samplers and models have."""

from typing import get_args

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui.models.fields import number
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.sampling import Sampler, SamplerName

IN_TURN, NO_CLASS = "in turn", "none"
NARROW = 68
NULL_CLASS = -1
MOST_CLASSES = 1_000_000  # where nobody knows how many there are


def narrow_row(name: str, text: str, tip: str, choices: list[str] | None = None) -> FieldRow:
    """Return a field for the column beside the samples."""
    return FieldRow(name, text=text, tip=tip, choices=choices, wide=True, caption_width=NARROW)


class SamplerFields(QWidget):
    """Shows only what has a meaning for the run that is open."""

    def __init__(self) -> None:
        super().__init__()
        fields = Sampler.model_fields
        names = {name: name for name in get_args(SamplerName)}
        self.name = ChoiceRow("Sampler", names, text="ddim", tip=fields["name"].description or "", caption_width=NARROW)
        self.eta = narrow_row("Eta", "0", fields["eta"].description or "")
        self.guidance = narrow_row("Guidance", "1", fields["guidance"].description or "")
        self.label = narrow_row("Class", IN_TURN, "Class of all images of a cell", choices=[IN_TURN])
        self._classes = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for row in (self.name, self.eta, self.guidance, self.label):
            column.addWidget(row)
        self.name.edited.connect(self._show_eta)

    def show_run(self, config: RunConfig) -> None:
        """Offer what the models of a run can do."""
        network = config.network
        nameless = network.conditional and network.label_dropout > 0
        self._classes = DATA_SETS[config.data.name].classes
        self.guidance.setVisible(nameless)
        self.label.setVisible(network.conditional)
        choices = [IN_TURN, *([NO_CLASS] if nameless else []), *map(str, range(self._classes))]
        box = self.label.combo
        assert box is not None
        if [box.itemText(index) for index in range(box.count())] != choices:
            box.clear()
            box.addItems(choices)
            self.label.set_text(IN_TURN)

    def read(self) -> tuple[Sampler, int | None] | None:
        """Return the sampler and the class (None for all in turn), or None after saying what is wrong."""
        name = next(one for one in get_args(SamplerName) if one == self.name.text())
        sampler = Sampler(
            name=name,
            eta=_within(self.eta, 0.0, 1.0, 0.0),
            guidance=_within(self.guidance, 0.0, 100.0, 1.0),
        )
        label = self._label()
        wrong = any(row.problem() for row in (self.eta, self.guidance, self.label))
        return None if wrong else (sampler, label)

    def _label(self) -> int | None:
        self.label.show_problem("")
        text = self.label.text()
        if self.label.isHidden() or text == IN_TURN:
            return None
        box = self.label.combo
        assert box is not None
        if text == NO_CLASS and box.findText(NO_CLASS) >= 0:
            return NULL_CLASS
        most = self._classes or MOST_CLASSES
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < most:
            return int(text)
        self.label.show_problem(f"Use “{IN_TURN}” or 0 to {most - 1:,}")
        return None

    def _show_eta(self) -> None:
        self.eta.setVisible(self.name.text() == "ddim")


def _within(row: FieldRow, least: float, most: float, unasked: float) -> float:
    """Return the number in a field; where it is wrong, say so, and what holds where the field is not shown."""
    row.show_problem("")
    if row.isHidden():
        return unasked
    value = number(row.text())
    if isinstance(value, (int, float)) and least <= value <= most:
        return float(value)
    row.show_problem(f"Use {least:g} to {most:g}")
    return unasked
