"""What is judged: every model of one or more runs in every way it was measured, classifiers, and the floor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import KIND_WORDS, describe
from cfd_studio.protocol.figures import Figure, Judgement
from cfd_studio.protocol.sampling import Sampler, in_a_row
from cfd_studio.protocol.sheets import MOST_COLUMNS, MOST_ROWS, Sheet, SheetColumn, SheetModel
from cfd_studio.protocol.stages import ClassifierStage

FLOOR = "floor"
_IMAGES = 8  # of each cell that is drawn
MODEL_KINDS = {kind: words for kind, words in KIND_WORDS.items() if kind != "classifier"}
Way = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One model measured in one way; or a classifier, or real images in the place of a model's, without a judgement.

    Attributes
    ----------
    run : Path
    run_name : str
    stage : str
        `FLOOR` for real against real.
    kind : str
        Of the stage; `FLOOR` for real against real.
    words : str
        What the stage is.
    figures : tuple of Figure
    judgement : Judgement or None
    own : bool
        Whether the model was made for this number of steps.
    """

    run: Path
    run_name: str
    stage: str
    kind: str
    words: str
    figures: tuple[Figure, ...] = ()
    judgement: Judgement | None = None
    own: bool = False

    @property
    def key(self) -> tuple[Path, str, Way | None]:
        """What the entry is known by, whatever was measured since."""
        return self.run, self.stage, self.judgement.way if self.judgement else None


def entries_of(snapshots: Sequence[RunSnapshot]) -> list[Entry]:
    """Return all that is judged of these runs, each in the order of its stages, and the floor of the first."""
    found = [entry for snapshot in snapshots for entry in _of_run(snapshot)]
    return [*found, *_floor(snapshots[0])] if snapshots else found


def sheet_of(entries: Sequence[Entry]) -> Sheet:
    """Return the setting that draws these models, each with the step counts and samplers of all of them."""
    judged = [(entry, entry.judgement) for entry in entries if entry.judgement is not None]
    models = dict.fromkeys(SheetModel(run=str(entry.run), stage=entry.stage) for entry, _ in judged)
    counts = sorted({(one.sampling_steps, one.sampler) for _, one in judged}, key=lambda one: (one[1], -one[0]))
    columns = [SheetColumn(sampling_steps=steps, sampler=Sampler.parse(words)) for steps, words in counts]
    keys = tuple((key.seed, key.index) for key in in_a_row(0, _IMAGES))
    return Sheet(models=tuple(models)[:MOST_ROWS], columns=tuple(columns[:MOST_COLUMNS]), keys=keys)


def _of_run(snapshot: RunSnapshot) -> Iterable[Entry]:
    config = snapshot.config
    for stage in config.stages:
        quality = snapshot.stages[stage.id].quality
        if quality is None:
            continue
        about = (snapshot.path, config.name, stage.id, stage.kind, describe(config, stage))
        if isinstance(stage, ClassifierStage):
            accuracy = quality.accuracies.get(stage.id)
            right = f" · {accuracy:.1%} right" if accuracy is not None else ""
            yield Entry(*about[:-1], f"{about[-1]}{right}")
            continue
        own = min(config.own_steps(stage), config.evaluation.most_steps)
        for judgement in quality.judgements:
            yield Entry(*about, judgement.figures, judgement, own=judgement.sampling_steps == own)


def _floor(snapshot: RunSnapshot) -> Iterable[Entry]:
    floors = [seen.quality.floor for seen in snapshot.stages.values() if seen.quality is not None]
    if figures := max(floors, key=len, default=()):
        yield Entry(snapshot.path, snapshot.config.name, FLOOR, FLOOR, "Real against real", figures)
