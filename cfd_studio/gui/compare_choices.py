"""What is to be drawn: which models, with how many steps and which samplers, from which noise."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.favourite_keys import FavouriteKeys
from cfd_studio.gui.model_choices import ModelChoices
from cfd_studio.gui.models.comparison import FEW_STEPS, ModelKey, ModelRow
from cfd_studio.gui.sampler_fields import SamplerFields, short_row
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.tick import Tick
from cfd_studio.protocol.sampling import ImageKey, in_a_row
from cfd_studio.protocol.sheets import MOST_KEYS

_CHIPS = 5


class CompareChoices(QFrame):
    """The column of ticks and fields at the left of the samples.

    Signals
    -------
    generate_wanted, cancel_wanted
        The two buttons.
    """

    generate_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, favourites: FavouriteKeys) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setFixedWidth(256)
        self.models = ModelChoices()
        self.steps: dict[int, Button] = {}
        self.own = Button("Own", role="toggle", tip="Each model with the step count it was made for")
        self.own.setChecked(True)
        self.own.setProperty("small", True)
        self.seed = short_row("Seed", "0", "Image i starts from the noise of (seed, i), in every cell", 34)
        self.count = short_row("Images", "8", f"Images per cell, 1 to {MOST_KEYS}", 46)
        self.only_favourites = Tick("Favourites only")
        self.only_favourites.setToolTip("Draw the starred images, and no others; star one with the key S")
        self.sampler = SamplerFields()
        self.generate = Button(
            "Generate", icon="wand-magic-sparkles", role="primary", tip="Draw what is not drawn yet (Ctrl+G)"
        )
        self.cancel = Button("Cancel", tip="Stop drawing")
        self.cancel.setEnabled(False)
        self._favourites = favourites
        self._kept: tuple[ImageKey, ...] | None = None  # of a sheet, whose images are neither in a row nor favourites
        self._chips = QGridLayout()
        self._chips.setSpacing(6)
        self._lay_out()
        self.generate.clicked.connect(self.generate_wanted)
        self.cancel.clicked.connect(self.cancel_wanted)
        self.only_favourites.toggled.connect(self._show_noise)
        favourites.changed.connect(self._show_noise)
        for row in (self.seed, self.count):
            row.edited.connect(self._forget_sheet)
        self._show_noise()

    def show_steps(self, steps: list[int]) -> None:
        """Offer step counts; those that were ticked stay ticked."""
        if steps == list(self.steps):
            return
        chosen = set(self.chosen_steps()) if self.steps else set(FEW_STEPS)
        for old in self.steps.values():
            old.hide()
            old.deleteLater()
        self.steps = {count: Button(str(count), role="toggle", tip=f"{count} sampling steps") for count in steps}
        for index, (count, chip) in enumerate(self.steps.items()):
            chip.setChecked(count in chosen)
            chip.setProperty("small", True)
            self._chips.addWidget(chip, index // _CHIPS, index % _CHIPS)
        self._chips.addWidget(self.own, len(steps) // _CHIPS, len(steps) % _CHIPS)

    def show_ready(self, rows: list[ModelRow]) -> None:
        """Let samples be drawn as soon as a model is trained."""
        ready = any(row.ready for row in rows)
        if self.generate.isEnabled() != ready:
            self.generate.setEnabled(ready)

    def chosen_steps(self) -> list[int]:
        """Return the ticked step counts."""
        return [steps for steps, chip in self.steps.items() if chip.isChecked()]

    def choose(self, models: list[ModelKey], steps: list[int], *, own: bool = True) -> None:
        """Tick these and no others, and, unless it is not wanted, each model's own step count."""
        self.models.choose(models)
        for count, chip in self.steps.items():
            chip.setChecked(count in steps)
        self.own.setChecked(own)

    def keys(self) -> tuple[ImageKey, ...] | None:
        """Return what the images are drawn from, or None after saying what is wrong beside the field."""
        if self._kept is not None:
            return self._kept
        if self.only_favourites.isChecked():
            return self._favourites.keys
        seed = _whole(self.seed, 0, 2**31 - 1)
        count = _whole(self.count, 1, MOST_KEYS)
        return None if seed is None or count is None else in_a_row(seed, count)

    def choose_keys(self, keys: tuple[ImageKey, ...]) -> None:
        """Draw these images, whatever they are, until a field of the noise is edited."""
        self.only_favourites.setChecked(False)
        self.seed.set_text(str(keys[0].seed))
        self.count.set_text(str(len(keys)))
        self._kept = keys if keys != in_a_row(keys[0].seed, len(keys)) else None

    def show_drawing(self, drawing: bool) -> None:
        """Enable *Cancel* exactly while something is drawn."""
        self.cancel.setEnabled(drawing)

    def _forget_sheet(self) -> None:
        self._kept = None

    def _show_noise(self) -> None:
        count = len(self._favourites.keys)
        self.only_favourites.set_trailing(f"{count}" if count else "none yet")
        self.only_favourites.setEnabled(bool(count))
        if not count:
            self.only_favourites.setChecked(False)
        only = self.only_favourites.isChecked()
        self._kept = None if only else self._kept
        for row in (self.seed, self.count):
            row.setEnabled(not only)

    def _lay_out(self) -> None:
        fields = QVBoxLayout()
        fields.setContentsMargins(10, 8, 10, 8)
        fields.setSpacing(6)
        fields.addWidget(self.models, 1)
        fields.addSpacing(4)
        fields.addWidget(_indented("SAMPLING STEPS"))
        chips = QHBoxLayout()
        chips.setContentsMargins(6, 0, 6, 0)
        chips.addLayout(self._chips)
        fields.addLayout(chips)
        fields.addSpacing(4)
        fields.addWidget(_indented("DRAWN WITH"))
        self.sampler.setContentsMargins(6, 0, 6, 0)
        fields.addWidget(self.sampler)
        fields.addSpacing(4)
        fields.addWidget(_indented("NOISE"))
        noise = QHBoxLayout()
        noise.setContentsMargins(6, 0, 6, 0)
        noise.setSpacing(10)
        for row, share in ((self.seed, 3), (self.count, 2)):
            noise.addWidget(row, share, Qt.AlignmentFlag.AlignTop)
        fields.addLayout(noise)
        fields.addWidget(self.only_favourites)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 4, 16, 14)
        buttons.setSpacing(8)
        buttons.addWidget(self.generate, 1)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(fields, 1)
        column.addLayout(buttons)


def _indented(text: str) -> QWidget:
    caption = label(text, "caption")
    caption.setContentsMargins(6, 0, 0, 2)
    return caption


def _whole(row: FieldRow, least: int, most: int) -> int | None:
    try:
        value = int(row.text())
    except ValueError:
        row.show_problem("No whole number")
        return None
    if not least <= value <= most:
        row.show_problem(f"Use {least} to {most}")
        return None
    row.show_problem("")
    return value
