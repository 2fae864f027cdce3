"""Which curves stand on one chart: of the open run's stages, and of their counterparts in other runs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.gui.models.quantities import Quantity
from cfd_studio.gui.models.snapshot import Curve, RunSnapshot, StageSnapshot

MOST_LINES = 14  # twice as many as there are colours; nobody tells more of them apart


@dataclass(frozen=True, slots=True)
class ShownCurve:
    """A curve and where it is from; ``run`` and ``stage`` are empty where there is but one of them on the chart."""

    key: str
    name: str
    curve: Curve
    smoothed: bool


def counterpart(stage: str, run: RunSnapshot, other: RunSnapshot) -> str | None:
    """Return the stage of another run that is like this one: of its name, else the first of its kind."""
    if stage in other.stages:
        return stage
    kind = run.config.stage(stage).kind
    return next((one.id for one in other.config.stages if one.kind == kind), None)


def shown_curves(
    quantity: Quantity, run: RunSnapshot, stages: Iterable[str], others: Mapping[Path, RunSnapshot]
) -> list[ShownCurve]:
    """Return the curves of some stages of a run, and of their counterparts in other runs, each once.

    Beside a curve, those of the same stage that have no point yet are returned as well: their colours wait for them.
    """
    wanted = list(stages)
    owners: dict[tuple[Path, str], tuple[RunSnapshot, StageSnapshot]] = {}
    for one in wanted:
        owners[run.path, one] = (run, run.stages[one])
    for path, other in others.items():
        for one in wanted:
            if path != run.path and (twin := counterpart(one, run, other)) is not None:
                owners[path, twin] = (other, other.stages[twin])
    several_runs = len({path for path, _ in owners}) > 1
    found = _curves(quantity, owners, several_stages=len({one for _, one in owners}) > 1, several_runs=several_runs)
    return list(found)[:MOST_LINES]


def _curves(
    quantity: Quantity,
    owners: dict[tuple[Path, str], tuple[RunSnapshot, StageSnapshot]],
    *,
    several_stages: bool,
    several_runs: bool,
) -> Iterator[ShownCurve]:
    for (path, stage), (snapshot, seen) in owners.items():
        curves = quantity.curves(seen)
        if not any(len(curve) for curve in curves.values()):
            continue
        for name, curve in curves.items():
            parts = [name[:1].upper() + name[1:]]
            if several_stages:
                parts.append(stage)
            if several_runs:
                parts.append(snapshot.config.name)
            yield ShownCurve(f"{path}|{stage}|{name}", " · ".join(parts), curve, quantity.smooths(name))
