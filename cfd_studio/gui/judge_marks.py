"""How judged models look in the plot, the table and the legend: a family is a symbol and a tone."""

from collections.abc import Sequence
from pathlib import Path

from cfd_studio.gui.models.frontier import Point, frontier
from cfd_studio.gui.models.judged import MODEL_KINDS, Entry
from cfd_studio.gui.widgets.frontier_plot import Dot, Line
from cfd_studio.gui.widgets.marker import Marker
from cfd_studio.protocol.measures import Measure

_FAMILIES = {"teacher": ("o", "muted"), "progressive": ("s", "accent"), "feature": ("t1", "second")}
LEGEND = [
    *((Marker(*_FAMILIES[kind]), words) for kind, words in MODEL_KINDS.items()),
    (Marker("o", "faint", filled=False), "Fewer steps than its own"),
    (Marker("_", "good"), "Real against real"),
]


def marker(entry: Entry, open_run: Path | None) -> Marker | None:
    """Return how a model looks: filled at its own number of steps, quiet where another run is open; None for others."""
    if entry.judgement is None:
        return None
    return Marker(*_FAMILIES[entry.kind], filled=entry.own, quiet=entry.run != open_run)


def dots_of(points: Sequence[Point], measure: Measure, open_run: Path | None) -> list[Dot]:
    """Return the points as they are drawn; runs are named where there are several."""
    several = len({point.entry.run for point in points}) > 1
    in_front_last = sorted(points, key=lambda point: point.entry.run == open_run)
    return [
        Dot(point.key, point.cost, point.value, mark, point.words(measure, with_run=several))
        for point in in_front_last
        if (mark := marker(point.entry, open_run)) is not None
    ]


def lines_of(points: Sequence[Point], measure: Measure, open_run: Path | None) -> list[Line]:
    """Return the frontier of every run, that of the open one in front."""
    runs = dict.fromkeys(point.entry.run for point in points)
    fronts = {run: frontier([one for one in points if one.entry.run == run], measure) for run in runs}
    return [
        Line(tuple((point.cost, point.value) for point in front), quiet=run != open_run)
        for run, front in fronts.items()
        if len(front) > 1
    ]
