"""The tables of a report: every figure of a run, and the floor."""

from collections.abc import Mapping
from dataclasses import dataclass

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import Figure, Judgement, StageQuality
from cfd_studio.protocol.measures import Measure, measures_of
from cfd_studio.protocol.wording import describe, metric_value, milliseconds

Qualities = Mapping[str, StageQuality]
_REFERENCES = {"held-out": "held-out images", "train": "training images"}
_HEADINGS = ("model", "kind", "steps", "calls", "time per image")
_TEXTS = 2  # columns of words, at the left


@dataclass(frozen=True, slots=True)
class Row:
    """A line; ``best`` holds the columns in which no other model is better."""

    cells: tuple[str, ...]
    best: frozenset[int] = frozenset()
    floor: bool = False


@dataclass(frozen=True, slots=True)
class QualityTable:
    """Figures against one set of real images."""

    words: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    texts: int = _TEXTS


def quality_tables(config: RunConfig, qualities: Qualities) -> list[QualityTable]:
    """Return one table per set of real images that models were compared with."""
    judged = [
        (describe(config, stage), judgement)
        for stage in config.diffusion_stages()
        for judgement in (qualities[stage.id].judgements if stage.id in qualities else ())
    ]
    figures = [figure for _, judgement in judged for figure in judgement.figures]
    floor = max((quality.floor for quality in qualities.values()), key=len, default=())
    return [
        _table(judged, floor, measures_of(figures, config.evaluation.main_space, reference), words)
        for reference, words in _REFERENCES.items()
        if any(figure.reference == reference for figure in figures)
    ]


def _table(
    judged: list[tuple[str, Judgement]], floor: tuple[Figure, ...], measures: list[Measure], words: str
) -> QualityTable:
    best = [_best(measure, judged) for measure in measures]
    drawn = {f"{judgement.samples:,} samples of {judgement.sampler}" for _, judgement in judged}
    several = ("drawn with",) if len(drawn) > 1 else ()
    headings = (*_HEADINGS, *several, *(measure.words for measure in measures))
    rows = []
    for kind, judgement in judged:
        values = [measure.value(judgement.figures) for measure in measures]
        first = len(headings) - len(measures)
        leading = {first + at for at, value in enumerate(values) if value is not None and value == best[at]}
        about = (
            judgement.stage,
            kind,
            f"{judgement.sampling_steps:,}",
            f"{judgement.network_calls:,}",
            milliseconds(judgement.seconds_per_image),
            *(f"{judgement.samples:,}, {judgement.sampler}" for _ in several),
        )
        rows.append(Row((*about, *_cells(measures, judgement.figures)), frozenset(leading)))
    if any(measure.value(floor) is not None for measure in measures):
        empty = [""] * (len(headings) - len(measures) - _TEXTS)
        rows.append(Row(("floor", "Real against real", *empty, *_cells(measures, floor)), floor=True))
    said = "" if several else f"{drawn.pop().capitalize()} against"
    return QualityTable(f"{said or 'Against'} the {words}; the best of a column is marked.", headings, tuple(rows))


def _best(measure: Measure, judged: list[tuple[str, Judgement]]) -> float | None:
    values = [value for _, one in judged if (value := measure.value(one.figures)) is not None]
    if len(values) < 2:
        return None
    return max(values) if measure.higher_is_better else min(values)


def _cells(measures: list[Measure], figures: tuple[Figure, ...]) -> list[str]:
    values = ((measure.metric, measure.value(figures)) for measure in measures)
    return ["" if value is None else metric_value(metric, value) for metric, value in values]
