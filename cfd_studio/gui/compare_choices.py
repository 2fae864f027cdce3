"""What is to be drawn: which models, with how many steps, from which noise."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cfd_studio.gui.models.comparison import FEW_STEPS, ModelRow
from cfd_studio.gui.sampler_fields import SamplerFields, narrow_row
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.tick import Tick
from cfd_studio.protocol.config import RunConfig

MOST_IMAGES = 256


class CompareChoices(QFrame):
    """The column of ticks and fields at the left of the samples.

    Signals
    -------
    generate_wanted, cancel_wanted
        The two buttons.
    """

    generate_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setFixedWidth(256)
        self.models: dict[str, Tick] = {}
        self.steps: dict[int, Button] = {}
        self.own = Button("Own", role="toggle", tip="Each model with the step count it was made for")
        self.own.setChecked(True)
        self.own.setProperty("small", True)
        self.seed = narrow_row("Seed", "0", "Image i starts from the noise of (seed, i), in every cell")
        self.count = narrow_row("Images", "8", "Images per cell")
        self.sampler = SamplerFields()
        self.generate = Button("Generate", icon="wand-magic-sparkles", role="primary", tip="Draw the samples (Ctrl+G)")
        self.cancel = Button("Cancel", tip="Stop drawing")
        self.cancel.setEnabled(False)
        self._touched = False
        self._models_column = QVBoxLayout()
        self._models_column.setSpacing(0)
        self._chips = QGridLayout()
        self._chips.setSpacing(6)
        self._lay_out()
        self.generate.clicked.connect(self.generate_wanted)
        self.cancel.clicked.connect(self.cancel_wanted)

    def show_models(self, config: RunConfig, rows: list[ModelRow], steps: list[int]) -> None:
        """Offer what a run has to draw from; a model is ticked once it is trained, unless one was unticked."""
        if [row.id for row in rows] != list(self.models) or steps != list(self.steps):
            self._rebuild(rows, steps)
        self.sampler.show_run(config)
        for row in rows:
            tick = self.models[row.id]
            if tick.isEnabled() != row.ready:
                tick.setEnabled(row.ready)
                if row.ready and not self._touched:
                    tick.setChecked(True)
            tick.set_trailing(
                f"{row.own_steps} step{'s' if row.own_steps != 1 else ''}" if row.ready else "not trained"
            )
        ready = any(row.ready for row in rows)
        if self.generate.isEnabled() != ready:
            self.generate.setEnabled(ready)

    def chosen_models(self) -> list[str]:
        """Return the ticked models that are trained."""
        return [name for name, tick in self.models.items() if tick.isEnabled() and tick.isChecked()]

    def chosen_steps(self) -> list[int]:
        """Return the ticked step counts."""
        return [steps for steps, chip in self.steps.items() if chip.isChecked()]

    def choose(self, models: list[str], steps: list[int]) -> None:
        """Tick these and no others, and each model's own step count."""
        for name, tick in self.models.items():
            tick.setChecked(name in models)
        for count, chip in self.steps.items():
            chip.setChecked(count in steps)
        self.own.setChecked(True)

    def numbers(self) -> tuple[int, int] | None:
        """Return seed and count, or None after saying what is wrong beside the field."""
        seed = _whole(self.seed, 0, 2**31 - 1)
        count = _whole(self.count, 1, MOST_IMAGES)
        return None if seed is None or count is None else (seed, count)

    def show_drawing(self, drawing: bool) -> None:
        """Enable *Cancel* exactly while something is drawn."""
        self.cancel.setEnabled(drawing)

    def _rebuild(self, rows: list[ModelRow], steps: list[int]) -> None:
        for old in (*self.models.values(), *self.steps.values()):
            old.hide()
            old.deleteLater()
        self._touched = False
        self.models = {row.id: Tick(row.id) for row in rows}
        for tick in self.models.values():
            tick.setEnabled(False)
            tick.clicked.connect(self._touch)
            self._models_column.addWidget(tick)
        self.steps = {count: Button(str(count), role="toggle", tip=f"{count} sampling steps") for count in steps}
        for index, (count, chip) in enumerate(self.steps.items()):
            chip.setChecked(count in FEW_STEPS)
            chip.setProperty("small", True)
            self._chips.addWidget(chip, index // 4, index % 4)
        self._chips.addWidget(self.own, len(steps) // 4, len(steps) % 4)

    def _touch(self) -> None:
        self._touched = True

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("role", "page")
        fields = QVBoxLayout(inner)
        fields.setContentsMargins(10, 12, 10, 8)
        fields.setSpacing(6)
        fields.addWidget(_indented("MODELS"))
        fields.addLayout(self._models_column)
        fields.addSpacing(10)
        fields.addWidget(_indented("SAMPLING STEPS"))
        chips = QHBoxLayout()
        chips.setContentsMargins(6, 0, 6, 0)
        chips.addLayout(self._chips)
        fields.addLayout(chips)
        fields.addSpacing(10)
        fields.addWidget(_indented("NOISE"))
        for row in (self.seed, self.count):
            row.setContentsMargins(6, 0, 6, 0)
            fields.addWidget(row)
        fields.addSpacing(10)
        fields.addWidget(_indented("DRAWN WITH"))
        self.sampler.setContentsMargins(6, 0, 6, 0)
        fields.addWidget(self.sampler)
        fields.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 8, 16, 16)
        buttons.setSpacing(8)
        buttons.addWidget(self.generate, 1)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        column.addLayout(buttons)


def _indented(text: str) -> QWidget:
    caption = label(text, "caption")
    caption.setContentsMargins(6, 0, 0, 2)
    return caption


def _whole(row: FieldRow, least: int, most: int) -> int | None:
    try:
        value = int(row.text())
    except ValueError:
        row.show_problem(f"“{row.text()}” is no whole number")
        return None
    if not least <= value <= most:
        row.show_problem(f"Use {least:,} to {most:,}")
        return None
    row.show_problem("")
    return value
