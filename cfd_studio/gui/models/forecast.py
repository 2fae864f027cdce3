"""How far a run is, and how long it still takes, from what its stages have taken so far."""

from dataclasses import dataclass

from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.protocol.stages import Stage

# One optimizer step per image, a teacher's being 1; measured on the digits. Only their ratios count, and only until
# a stage of the same kind has been timed.
_COST = {"classifier": 0.05, "teacher": 1.0, "progressive": 1.8, "feature": 2.2}


@dataclass(frozen=True, slots=True)
class Forecast:
    """``fraction`` in [0, 1]; ``seconds_left`` is None before anything was timed."""

    fraction: float
    seconds_left: float | None


def forecast(snapshot: RunSnapshot) -> Forecast:
    """Return progress and time left."""
    done: dict[str, float] = dict.fromkeys(_COST, 0.0)
    left: dict[str, float] = dict.fromkeys(_COST, 0.0)
    spent: dict[str, float] = dict.fromkeys(_COST, 0.0)
    for stage in snapshot.config.stages:
        seen = snapshot.stages.get(stage.id) or StageSnapshot(stage.id, stage.steps)
        work = stage.images * _COST[stage.kind]
        share = 1.0 if seen.trained else min(seen.step / max(stage.steps, 1), 1.0)
        done[stage.kind] += work * share
        left[stage.kind] += work * (1 - share)
        spent[stage.kind] += _seconds(stage, seen)
    total = sum(done.values()) + sum(left.values())
    if not total:  # nothing is trained here
        return Forecast(float(all(stage.trained for stage in snapshot.stages.values())), None)
    fraction = sum(done.values()) / total
    overall = sum(spent.values()) / sum(done.values()) if sum(done.values()) and sum(spent.values()) else None
    if overall is None:
        return Forecast(fraction, None)
    rates = {kind: spent[kind] / done[kind] if done[kind] and spent[kind] else overall for kind in _COST}
    return Forecast(fraction, sum(left[kind] * rates[kind] for kind in _COST))


def _seconds(stage: Stage, seen: StageSnapshot) -> float:
    if seen.seconds:
        return seen.seconds
    if not seen.images_per_second or stage.optimization is None:
        return 0.0
    return seen.step * stage.optimization.batch_size / seen.images_per_second


def duration(seconds: float) -> str:
    """Return a time span as a person says it."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} days"
