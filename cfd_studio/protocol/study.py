"""Several runs of one experiment that differ only in their seed: the mean of their figures, and the spread."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import Figure, Judgement, StageQuality

# What may differ between runs of one experiment.
_FREE = {"seed", "name"}


class FigureOverRuns(Figure):
    """One figure of several runs.

    ``value`` is the mean, ``deviation`` the sample standard deviation (none where there is one run only), ``runs`` how
    many runs have the figure.
    """

    deviation: float | None
    runs: int


class JudgementOverRuns(BaseModel):
    """The figures of one model sampled with one number of steps in one way, over all runs that have it."""

    model_config = ConfigDict(frozen=True)

    stage: str
    sampling_steps: int
    sampler: str = "ddim"
    runs: int
    seconds_per_image: float
    figures: tuple[FigureOverRuns, ...]


def judgements_over_runs(runs: Sequence[Sequence[StageQuality]]) -> tuple[JudgementOverRuns, ...]:
    """Return mean and spread of every model, step count and sampler, in the order in which they were judged.

    Parameters
    ----------
    runs : sequence of sequences of StageQuality
        For each run, the quality of its stages.
    """
    found: dict[tuple[str, int, str], list[Judgement]] = {}
    for judgement in (one for run in runs for quality in run for one in quality.judgements):
        key = (judgement.stage, judgement.sampling_steps, judgement.sampler)
        found.setdefault(key, []).append(judgement)
    return tuple(
        JudgementOverRuns(
            stage=stage,
            sampling_steps=steps,
            sampler=sampler,
            runs=len(judgements),
            seconds_per_image=statistics.fmean(one.seconds_per_image for one in judgements),
            figures=figures_over_runs([one.figures for one in judgements]),
        )
        for (stage, steps, sampler), judgements in found.items()
    )


def figures_over_runs(runs: Sequence[Sequence[Figure]]) -> tuple[FigureOverRuns, ...]:
    """Return mean and spread of every figure; two are the same where all but their value is."""
    found: dict[tuple[Any, ...], list[Figure]] = {}
    for figure in (one for run in runs for one in run):
        found.setdefault(tuple(figure.model_dump(exclude={"value", "name"}).values()), []).append(figure)
    result = []
    for same in found.values():
        values = [figure.value for figure in same]
        deviation = statistics.stdev(values) if len(values) > 1 else None
        shared = same[0].model_dump(exclude={"name"}) | {"value": statistics.fmean(values)}
        result.append(FigureOverRuns(**shared, deviation=deviation, runs=len(values)))
    return tuple(result)


def differences(one: RunConfig, other: RunConfig) -> list[str]:
    """Return the dotted paths of all fields in which two experiments differ, but for seed and name.

    A stage is named by its id; where the ids differ, the path is ``stages``.
    """
    return list(_differing(one.model_dump(exclude=_FREE), other.model_dump(exclude=_FREE), ""))


def _differing(one: Any, other: Any, path: str) -> Iterator[str]:
    if path == "stages":
        one, other = ({stage["id"]: stage for stage in stages} for stages in (one, other))
        if list(one) != list(other):
            yield path
            return
    if not (isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys()):
        if one != other:
            yield path
        return
    for key in one:
        yield from _differing(one[key], other[key], f"{path}.{key}" if path else key)
