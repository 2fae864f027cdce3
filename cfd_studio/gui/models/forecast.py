"""How far a run is, and how long it still takes, from what the job that works on it has taken so far."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import ClassifierStage, Stage

# One image: through an optimizer step, a teacher's being 1, or through one network call for the judge; measured on the
# digits. Only their ratios count, and only until something of the same kind has been timed.
_COST = {"classifier": 0.05, "teacher": 1.0, "progressive": 1.8, "feature": 2.2, "judging": 0.3}
_RECENT = 500  # points of the pace that tell how fast a stage is now


@dataclass(frozen=True, slots=True)
class Forecast:
    """``fraction`` in [0, 1]; ``seconds_left`` is None until this job has timed anything that tells."""

    fraction: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class _Work:
    """A stage's training or judging, in images.

    Attributes
    ----------
    left : float
        Not done yet.
    under_way : float
        Seconds that went into what is left.
    timed, seconds : float
        What this job did of it, and how long that took.
    """

    kind: str
    images: float
    left: float
    timed: float
    seconds: float
    under_way: float = 0.0

    def to_do(self, rates: dict[str, float]) -> float:
        """Return how much is left to do, with what is under way."""
        return max(0.0, self.left - self.under_way / rates[self.kind]) if self.kind in rates else self.left


def forecast(snapshot: RunSnapshot) -> Forecast:
    """Return progress and time left, with the judging."""
    works = [work for stage in snapshot.config.stages for work in _works(snapshot, stage)]
    total = sum(work.images * _COST[work.kind] for work in works)
    if not total:  # nothing is trained or judged here
        return Forecast(float(all(stage.trained for stage in snapshot.stages.values())), None)
    rates = _rates(works)
    fraction = 1 - sum(work.to_do(rates) * _COST[work.kind] for work in works) / total
    if any(work.left and work.kind not in rates for work in works):
        return Forecast(fraction, None)
    return Forecast(fraction, sum(work.to_do(rates) * rates[work.kind] for work in works if work.left))


def _works(snapshot: RunSnapshot, stage: Stage) -> Iterator[_Work]:
    seen = snapshot.stages.get(stage.id) or StageSnapshot(stage.id, stage.steps)
    if stage.optimization is not None:
        batch = stage.optimization.batch_size
        left = 0 if seen.trained else max(0, stage.steps - seen.step)
        yield _Work(stage.kind, stage.images, left * batch, *_timed(seen, batch))
    calls = _calls(snapshot.config, stage)
    if calls and seen.state == "done":
        yield _Work("judging", calls, 0, calls if seen.judging else 0, seen.judging)
    elif calls:
        yield _Work("judging", calls, calls, 0, 0, seen.judging)


def _calls(config: RunConfig, stage: Stage) -> int:
    """Return how many images times network calls are drawn to judge a stage."""
    if isinstance(stage, ClassifierStage) or config.data.name == "none":
        return 0
    return config.evaluation.samples * sum(config.evaluation.judged_steps(config.own_steps(stage)))


def _timed(seen: StageSnapshot, batch: int) -> tuple[float, float]:
    """Return images and seconds of what this job trained of a stage lately; nothing before its first point."""
    if seen.begun is None:
        return 0, 0
    first = max(int(np.searchsorted(seen.pace.steps, seen.begun, side="right")), len(seen.pace) - _RECENT)
    begun = max(seen.begun, seen.pace.steps[first - 1]) if first else seen.begun
    images = batch * np.diff(seen.pace.steps[first:], prepend=begun)
    return float(images.sum()), float((images / np.maximum(seen.pace.values[first:], 1e-9)).sum())


def _rates(works: list[_Work]) -> dict[str, float]:
    """Return seconds per image of every kind of work that this job tells anything about.

    A kind that it has not come to yet costs what the others do, in proportion; what a classifier takes says nothing.
    """
    images: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    for work in works:
        images[work.kind] += work.timed
        seconds[work.kind] += work.seconds
    timed = [kind for kind in images if images[kind] and seconds[kind]]
    rates = {kind: seconds[kind] / images[kind] for kind in timed}
    telling = [kind for kind in timed if kind != "classifier"]
    if not telling:
        return rates
    unit = sum(seconds[kind] for kind in telling) / sum(images[kind] * _COST[kind] for kind in telling)
    return {kind: unit * cost for kind, cost in _COST.items()} | rates


def duration(seconds: float) -> str:
    """Return a time span as a person says it."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} days"
