"""The frontier: what no other model beats in quality and cost at once."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from cfd_studio.gui.models.judged import FLOOR, Entry
from cfd_studio.gui.models.words import metric_value, milliseconds
from cfd_studio.protocol.measures import Measure

Cost = Callable[[Entry], float]


def calls(entry: Entry) -> float:
    """Return the network calls of an image."""
    return float(entry.judgement.network_calls) if entry.judgement else math.nan


def time_per_image(entry: Entry) -> float:
    """Return the milliseconds of an image."""
    return entry.judgement.seconds_per_image * 1e3 if entry.judgement else math.nan


@dataclass(frozen=True, slots=True)
class Point:
    """An entry in the plane of cost and quality."""

    entry: Entry
    cost: float
    value: float

    @property
    def key(self) -> Hashable:
        """The key of the entry."""
        return self.entry.key

    def words(self, measure: Measure, *, with_run: bool) -> str:
        """Return what the point is, in a line."""
        judgement = self.entry.judgement
        assert judgement is not None
        run = f"{self.entry.run_name}: " if with_run else ""
        steps = f"{judgement.sampling_steps} step{'s' if judgement.sampling_steps != 1 else ''}"
        count = f"{judgement.network_calls} call{'s' if judgement.network_calls != 1 else ''}"
        figure = f"{measure.words} {metric_value(measure.metric, self.value)}"
        time = milliseconds(judgement.seconds_per_image)
        return f"{run}{self.entry.stage} · {steps}, {judgement.sampler} · {count}, {time} · {figure}"


def points_of(entries: Sequence[Entry], measure: Measure, cost: Cost) -> list[Point]:
    """Return the entries that were measured so, at what they cost; those without a finite place have none."""
    found = []
    for entry in entries:
        value = measure.value(entry.figures)
        if entry.judgement is None or value is None:
            continue
        point = Point(entry, cost(entry), value)
        if math.isfinite(point.cost) and point.cost > 0 and math.isfinite(point.value):
            found.append(point)
    return found


def frontier(points: Sequence[Point], measure: Measure) -> list[Point]:
    """Return the points that none beats: each next one costs more and is better."""
    sign = -1 if measure.higher_is_better else 1
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (one.cost, sign * one.value)):
        if not best or sign * point.value < sign * best[-1].value:
            best.append(point)
    return best


def floor_value(entries: Sequence[Entry], measure: Measure) -> float | None:
    """Return what real images reach in the place of a model's."""
    values = (measure.value(entry.figures) for entry in entries if entry.kind == FLOOR)
    return next((value for value in values if value is not None and math.isfinite(value)), None)
