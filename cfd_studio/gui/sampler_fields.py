"""How samples are drawn: the samplers, and what only some samplers and models have."""

from typing import get_args

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCompleter, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.class_names import class_words
from cfd_studio.gui.models.fields import number
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.sampling import Sampler, SamplerName

IN_TURN, NO_CLASS = "in turn", "none"
NARROW = 68
NULL_CLASS = -1
MOST_CLASSES = 1_000_000  # where nobody knows how many there are
_TIPS: dict[SamplerName, str] = {
    "ddim": "DDIM: no fresh noise, unless eta asks for some",
    "ancestral": "Ancestral: fresh noise at every step",
    "dpm-solver++": "DPM-Solver++: second order, for few steps without distillation",
    "reference": "DDIM exactly as in the published CFD code",
}


def short_row(name: str, text: str, tip: str, caption_width: int) -> FieldRow:
    """Return a field that shares its line with another."""
    return FieldRow(name, text=text, tip=tip, wide=True, caption_width=caption_width)


class SamplerFields(QWidget):
    """Shows only what has a meaning for the models that can be chosen."""

    def __init__(self) -> None:
        super().__init__()
        fields = Sampler.model_fields
        self.names: dict[SamplerName, Button] = {}
        for name in get_args(SamplerName):
            chip = self.names[name] = Button(name, role="toggle", tip=f"{_TIPS[name]}; one column for each step count")
            chip.setProperty("small", True)
            chip.clicked.connect(self._show_eta)
        self.names["ddim"].setChecked(True)
        self.eta = short_row("Eta", "0", fields["eta"].description or "", 28)
        tip = f"{fields['guidance'].description} Students are never guided."
        self.guidance = short_row("Guidance", "1", tip, 62)
        tip = "Class of all images of a cell, by number or name"
        self.label = FieldRow("Class", text=IN_TURN, tip=tip, choices=[IN_TURN], wide=True, caption_width=NARROW)
        completer = QCompleter()
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        box = self.label.combo
        assert box is not None
        completer.setModel(box.model())
        box.setCompleter(completer)
        self._offered: list[str] = []
        self._classes = 0
        chips = QGridLayout()
        chips.setSpacing(6)
        for index, chip in enumerate(self.names.values()):
            chips.addWidget(chip, index // 2, index % 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(chips)
        strengths = QHBoxLayout()
        strengths.setSpacing(10)
        for row in (self.eta, self.guidance):
            strengths.addWidget(row, 1, Qt.AlignmentFlag.AlignTop)
        column.addLayout(strengths)
        column.addWidget(self.label)

    def show_runs(self, configs: list[RunConfig]) -> None:
        """Offer what the models of some runs can do."""
        conditional = [config for config in configs if config.network.conditional]
        nameless = any(config.network.null_label for config in conditional)
        self.guidance.setVisible(nameless)
        self.label.setVisible(bool(conditional))
        most = max(conditional, key=lambda config: DATA_SETS[config.data.name].classes, default=None)
        self._classes = DATA_SETS[most.data.name].classes if most is not None else 0
        named = [class_words(most.data.name, index) for index in range(self._classes)] if most is not None else []
        choices = [IN_TURN, *([NO_CLASS] if nameless else []), *named]
        box = self.label.combo
        assert box is not None
        if choices != self._offered:
            self._offered = choices
            box.clear()
            box.addItems(choices)
            self.label.set_text(IN_TURN)

    def read(self) -> tuple[tuple[Sampler, ...], int | None] | None:
        """Return the samplers and the class (None for all in turn), or None after saying what is wrong."""
        eta, guidance = _within(self.eta, 0.0, 1.0, 0.0), _within(self.guidance, 0.0, 100.0, 1.0)
        chosen = [name for name, chip in self.names.items() if chip.isChecked()]
        samplers = tuple(Sampler(name=name, eta=eta if name == "ddim" else 0.0, guidance=guidance) for name in chosen)
        label = self._label()
        wrong = any(row.problem() for row in (self.eta, self.guidance, self.label))
        return None if wrong else (samplers, label)

    def choose(self, samplers: tuple[Sampler, ...], label: int | None) -> None:
        """Fill the fields."""
        names = {one.name for one in samplers}
        for name, chip in self.names.items():
            chip.setChecked(name in names)
        self.eta.set_text(f"{max((one.eta for one in samplers), default=0.0):g}")
        self.guidance.set_text(f"{max((one.guidance for one in samplers), default=1.0):g}")
        self._show_eta()
        words = IN_TURN if label is None else NO_CLASS if label == NULL_CLASS else str(label)
        named = next((one for one in self._offered if one.partition(" ")[0] == words), words)
        self.label.set_text(IN_TURN if label is None else named)

    def _label(self) -> int | None:
        self.label.show_problem("")
        text = self.label.text()
        if self.label.isHidden() or text == IN_TURN:
            return None
        if text == NO_CLASS and NO_CLASS in self._offered:
            return NULL_CLASS
        named = (one.partition(" ")[0] for one in self._offered if text.lower() in (one, one.partition(" ")[2].lower()))
        digits = next(named, text)
        most = self._classes or MOST_CLASSES
        if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) < most:
            return int(digits)
        self.label.show_problem(f"Use “{IN_TURN}” or 0 to {most - 1:,}")
        return None

    def _show_eta(self) -> None:
        self.eta.setVisible(self.names["ddim"].isChecked())


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
