"""The models that stand side by side, and the runs they are of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cfd_studio.gui.models.comparison import ModelKey, ModelRow, Place, model_rows, steps_words
from cfd_studio.gui.models.quality import Quality, quality
from cfd_studio.gui.models.snapshot import RunSnapshot


@dataclass(frozen=True, slots=True)
class Lineup:
    """All that can be drawn, at one moment."""

    rows: dict[ModelKey, ModelRow] = field(default_factory=dict)
    snapshots: dict[Path, RunSnapshot] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshots: Iterable[RunSnapshot]) -> "Lineup":
        """Return the models of some runs, run by run."""
        runs = {snapshot.path: snapshot for snapshot in snapshots}
        return cls({row.key: row for one in runs.values() for row in model_rows(one)}, runs)

    def title(self, place: Place) -> str:
        """Return what a cell is called: model, steps, sampler, and the run where there are several."""
        model, column = place
        parts = [model.stage, steps_words(column.sampling_steps), str(column.sampler)]
        if len(self.snapshots) > 1:
            parts.append(self.rows[model].run_name)
        return " · ".join(parts)

    def quality(self, place: Place, sampler: str) -> Quality:
        """Return how good a model is at a number of steps, with the sampler that really draws it."""
        model, column = place
        return quality(self.snapshots[model.run], model.stage, column.sampling_steps, sampler)
