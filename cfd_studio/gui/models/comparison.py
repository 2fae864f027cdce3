"""Which models can be compared, how each cell is asked for, and why some cannot be."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import describe
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.sampling import ImageKey, Sampler, SampleRequest

FEW_STEPS = (8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class ModelKey:
    """What tells one row from the others."""

    run: Path
    stage: str


@dataclass(frozen=True, slots=True)
class ColumnKey:
    """What tells one column from the others."""

    sampling_steps: int
    sampler: Sampler


Place = tuple[ModelKey, ColumnKey]  # a cell


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A diffusion model; ``ready`` once its weights are on the disk.

    Attributes
    ----------
    classes : int
        That it can be asked for; 0 for a model that knows of none, or where only the images show how many there are.
    """

    key: ModelKey
    words: str
    run_name: str
    own_steps: int
    ready: bool
    conditional: bool
    null_label: bool
    student: bool
    classes: int

    @property
    def title(self) -> str:
        """What the window calls it."""
        return self.key.stage

    @property
    def guidable(self) -> bool:
        """Whether guidance has a meaning for it: a student has learnt by heart what its stage gives it."""
        return self.null_label and not self.student


def model_rows(snapshot: RunSnapshot) -> list[ModelRow]:
    """Return all models, those with more steps first, rivals of the same step count next to each other."""
    config = snapshot.config
    rows = [
        ModelRow(
            ModelKey(snapshot.path, stage.id),
            describe(config, stage),
            config.name,
            config.own_steps(stage),
            snapshot.stages[stage.id].trained,
            config.network.conditional,
            config.network.null_label,
            stage.parent is not None,
            DATA_SETS[config.data.name].classes if config.network.conditional else 0,
        )
        for stage in config.diffusion_stages()
    ]
    return sorted(rows, key=lambda row: -row.own_steps)


def step_choices(*snapshots: RunSnapshot) -> list[int]:
    """Return every model's own steps and the powers of two below them, most first."""
    own = {one.config.own_steps(stage) for one in snapshots for stage in one.config.diffusion_stages()}
    most = max(own, default=0)
    powers = {2**exponent for exponent in range(most.bit_length()) if 2**exponent <= most}
    return sorted(powers | own, reverse=True)


def column_keys(steps: Iterable[int], samplers: tuple[Sampler, ...]) -> list[ColumnKey]:
    """Return the columns, those of more steps first, the samplers of one step count next to each other."""
    return [ColumnKey(count, sampler) for count in sorted(set(steps), reverse=True) for sampler in samplers]


def refusal(row: ModelRow, column: ColumnKey, label: int | None) -> tuple[str, str]:
    """Return why a model cannot be drawn like that, in two words and in a sentence; two empty ones where it can."""
    if column.sampling_steps > row.own_steps:
        own = steps_words(row.own_steps)
        return f"made for {own}", f"{row.title} was made for {own}; it has none to add between them."
    if label is not None and row.conditional:
        if label < 0 and not row.null_label:
            return "needs a class", f"{row.title} never learnt to draw without a class; choose one."
        if 0 < row.classes <= label:
            return "no such class", f"{row.title} knows of {row.classes:,} classes; {label} is none of them."
        if label < 0 and row.guidable and column.sampler.guidance != 1:
            return "no class to guide to", "Guidance needs a class to guide to; choose one, or guidance 1."
    return "", ""


def steps_words(count: int) -> str:
    """Return a number of sampling steps as a person says it."""
    return f"{count} step{'s' if count != 1 else ''}"


def wish(row: ModelRow, column: ColumnKey, keys: tuple[ImageKey, ...], label: int | None, device: str) -> SampleRequest:
    """Return the request for a cell: a student, or who knows of no classes, is not guided."""
    return SampleRequest(
        row.key.run,
        row.key.stage,
        column.sampling_steps,
        keys,
        device,
        column.sampler if row.guidable else column.sampler.unguided,
        label if row.conditional else None,
    )
