"""The setting of the samples as a sheet, which draws them again elsewhere, and what was drawn with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.gui.compare_choices import CompareChoices
from cfd_studio.gui.models.comparison import ColumnKey, ModelKey, ModelRow, Place, column_keys
from cfd_studio.gui.models.quality import Quality
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, Sampler
from cfd_studio.protocol.sheets import (
    MOST_COLUMNS,
    MOST_ROWS,
    Sheet,
    SheetCell,
    SheetColumn,
    SheetModel,
    SheetView,
    Spot,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What was asked for when the samples were last drawn."""

    models: tuple[ModelKey, ...]
    steps: tuple[int, ...]
    own: bool
    samplers: tuple[Sampler, ...]
    keys: tuple[ImageKey, ...]
    label: int | None

    @classmethod
    def read(cls, choices: CompareChoices) -> "Setting | None":
        """Return what is chosen, or None after saying what is wrong beside its field."""
        keys, drawn_with = choices.keys(), choices.sampler.read()
        if keys is None or drawn_with is None:
            return None
        models, steps = tuple(choices.models.chosen()), tuple(choices.chosen_steps())
        return cls(models, steps, choices.own.isChecked(), drawn_with[0], keys, drawn_with[1])

    @classmethod
    def of(cls, sheet: Sheet) -> "Setting":
        """Return the setting of a sheet: all its samplers at all its step counts."""
        steps = tuple(dict.fromkeys(one.sampling_steps for one in sheet.columns if one.sampling_steps is not None))
        samplers = tuple(dict.fromkeys(one.sampler for one in sheet.columns))
        own = any(one.sampling_steps is None for one in sheet.columns)
        models = tuple(ModelKey(model.folder, model.stage) for model in sheet.models)
        return cls(models, steps, own, samplers, sheet.image_keys, sheet.label)

    @property
    def missing(self) -> str:
        """What else must be chosen; empty where nothing."""
        if not self.models or not (self.steps or self.own):
            return "Tick at least one model and one step count."
        if not self.samplers:
            return "Choose at least one sampler."
        if not self.keys:
            return "There are no favourites to draw; star an image first."
        columns = len(self.samplers) * (len(self.steps) + self.own)
        if len(self.models) > MOST_ROWS or columns > MOST_COLUMNS:
            return f"Tick at most {MOST_ROWS} models, and steps and samplers for {MOST_COLUMNS} columns."
        return ""

    @property
    def runs(self) -> frozenset[Path]:
        """The runs of the models."""
        return frozenset(model.run for model in self.models)

    def choose(self, choices: CompareChoices) -> None:
        """Choose it, as far as the fields can say it."""
        choices.choose(list(self.models), list(self.steps), own=self.own)
        choices.sampler.choose(self.samplers, self.label)
        choices.choose_keys(self.keys)

    def columns(self, rows: Mapping[ModelKey, ModelRow]) -> list[ColumnKey]:
        """Return all columns."""
        own = (rows[model].own_steps for model in self.models if self.own)
        return column_keys((*self.steps, *own), self.samplers)

    def asks_for(self, row: ModelRow, count: int) -> bool:
        """Tell whether a model is to be drawn with a number of steps."""
        return count in self.steps or (self.own and count == row.own_steps)

    def sheet(self, view: SheetView) -> Sheet:
        """Return it as a sheet."""
        counts = [*([None] if self.own else []), *self.steps]
        columns = [SheetColumn(sampling_steps=count, sampler=one) for count in counts for one in self.samplers]
        return Sheet(
            models=tuple(_model(key) for key in self.models),
            columns=tuple(columns),
            keys=tuple((key.seed, key.index) for key in self.keys),
            label=self.label,
            view=view,
        )


def spot(place: Place) -> Spot:
    """Return a cell as a sheet names it."""
    model, column = place
    return Spot(model=_model(model), column=SheetColumn(sampling_steps=column.sampling_steps, sampler=column.sampler))


def place_of(one: Spot) -> Place:
    """Return the cell that a sheet names."""
    return ModelKey(one.model.folder, one.model.stage), ColumnKey(one.column.sampling_steps or 1, one.column.sampler)


def result(place: Place, row: ModelRow, answer: SampleAnswer, known: Quality) -> SheetCell:
    """Return a drawn cell as a sheet holds it."""
    assert answer.images is not None
    return SheetCell(
        _model(place[0]),
        row.title,
        answer.request.sampling_steps,
        answer.request.sampler,
        answer.request.sampling_steps == row.own_steps,
        answer.images,
        answer.seconds_per_image,
        answer.network_calls,
        known.figure,
        known.space,
    )


def _model(key: ModelKey) -> SheetModel:
    return SheetModel(run=str(key.run), stage=key.stage)
