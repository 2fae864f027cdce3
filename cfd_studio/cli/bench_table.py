"""What a bench found, as a table and as JSON."""

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from cfd_studio.engine.bench.course import Ablated, Conditions, Found, LeftOut, Measured
from cfd_studio.engine.bench.machine import name_of
from cfd_studio.engine.bench.measuring import Timed
from cfd_studio.engine.bench.timing import Spread
from cfd_studio.engine.execution import available_cores
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import FastPaths, write_wishes

_HEAD = ("", "batch", "GMAC/image", "", "images/s", "ms/step", "memory", "TFLOP/s", "of peak", "fast / plain")
_NOTES = (
    "A step is an optimizer step, or one drawing of a whole batch. Medians, and lowest to highest in brackets; the "
    "last column is\nthe median of the ratios of neighbouring rounds. GMAC counts matrix products and convolutions, "
    "for both sides alike."
)
_MEMORY = {
    "cuda": "Memory is the most that was allocated at once.",
    "cpu": "Memory is weights, gradients, moments, average, frozen networks and what is kept for the backward pass.",
}


@dataclass
class Report:
    """What was found so far, and where.

    Attributes
    ----------
    machine : dict of str to str or int
    found : list of Found
    interrupted : bool
    """

    machine: dict[str, str | int]
    found: list[Found] = field(default_factory=list)
    interrupted: bool = False

    @classmethod
    def begun(cls, device: str) -> "Report":
        """Return a report in which nothing is found yet."""
        return cls(
            {
                "device": device,
                "name": name_of(device),
                "cores": available_cores(),
                "torch": torch.__version__,
                "python": platform.python_version(),
                "date": time.strftime("%Y-%m-%d %H:%M"),
            }
        )

    def of(self, kind: type[Any], size: str) -> list[Any]:
        """Return what was found of one kind and one size."""
        return [one for one in self.found if isinstance(one, kind) and one.size == size]

    def as_json(self) -> str:
        """Return everything, the time of every round included."""
        entries = [{"kind": type(one).__name__.lower(), **_values(one), **_derived(one)} for one in self.found]
        whole = {"machine": self.machine, "interrupted": self.interrupted, "found": entries}
        return json.dumps(whole, indent=1)


def tables(report: Report) -> str:
    """Return a report as plain text."""
    lines = ["{name} ({device}), {cores} cores, torch {torch}, Python {python}, {date}".format_map(report.machine)]
    for conditions in (one for one in report.found if isinstance(one, Conditions)):
        measured = report.of(Measured, conditions.size)
        peaks = _peaks(measured)
        lines += ["", *_heading(conditions, peaks)]
        if measured:
            lines += ["", *_aligned([_HEAD, *(line for one in measured for line in _lines(one, peaks))])]
        if ablated := report.of(Ablated, conditions.size):
            lines += [
                "",
                "Gain of fast over fast with one path otherwise:",
                *_aligned([_ablated(one) for one in ablated]),
            ]
        lines += _left_out(report.of(LeftOut, conditions.size))
    if any(isinstance(one, Measured) for one in report.found):
        lines += ["", _NOTES, _MEMORY["cuda" if str(report.machine["device"]).startswith("cuda") else "cpu"]]
    if report.interrupted:
        lines += ["", "Interrupted: the rows that follow were not measured."]
    return "\n".join(line.rstrip() for line in lines)


def in_short(found: Found) -> str | None:
    """Return what was found as a line for whoever waits for the table."""
    if not isinstance(found, Measured | Ablated):
        return None
    other = "plain" if isinstance(found, Measured) else f"with {found.path}={found.value}"
    return f"{found.size} {found.row}: fast is {_spread(found.pair.gain, '.2f')} times as fast as {other}"


def _peaks(measured: list[Measured]) -> dict[str, float]:
    """Return the most operations per second that a large matrix product reached beside any row, by number format."""
    seen = [pair for one in measured for pair in one.peaks.items()]
    return {precision: max(peak for other, peak in seen if other == precision) for precision, _ in seen}


def _heading(conditions: Conditions, peaks: dict[str, float]) -> list[str]:
    does = ", ".join(f"{_tera(peak)} TFLOP/s in {precision}" for precision, peak in peaks.items())
    product = f", and a large matrix product does {does}" if does else ""
    return [
        f"{conditions.size}: CPU threads {conditions.fast.threads}{product}",
        f"  plain: {_paths(conditions.plain)}",
        f"  fast:  {_paths(conditions.fast)}",
    ]


def _paths(plan: ExecutionPlan) -> str:
    none = FastPaths.none()
    taken = {name: value for name, value in plan.fast.model_dump().items() if value != getattr(none, name)}
    return ", ".join([plan.precision, *([write_wishes(taken)] if taken else [])])


def _lines(one: Measured, peaks: dict[str, float]) -> list[tuple[str, ...]]:
    pair = one.pair
    plain, fast = _cells(one, pair.first, peaks["float32"]), _cells(one, pair.second, peaks[one.precision])
    head = (one.row, str(pair.images), f"{one.operations / 2e9:.3g}")
    return [(*head, "plain", *plain, ""), ("", "", "", "fast", *fast, f"{_spread(pair.gain, '.2f')} x")]


def _cells(one: Measured, timed: Timed, peak: float) -> tuple[str, ...]:
    rate = one.pair.images / Spread.of(timed.seconds).median
    computed = rate * one.operations
    milliseconds = Spread.of([1000 * seconds for seconds in timed.seconds])
    return (
        _figure(rate),
        _spread(milliseconds, ",.0f" if milliseconds.median >= 100 else ".3g"),
        "" if timed.memory is None else _memory(timed.memory),
        _tera(computed),
        f"{computed / peak:.0%}",
    )


def _ablated(one: Ablated) -> tuple[str, ...]:
    return (one.row, str(one.pair.images), f"{one.path}={one.value}", f"{_spread(one.pair.gain, '.2f')} x")


def _left_out(all_of_them: list[LeftOut]) -> list[str]:
    rows: dict[tuple[str, str], list[str]] = {}
    for one in all_of_them:
        rows.setdefault((one.what, one.why), []).append(one.row)
    return [
        f"Left out: {', '.join(which)}{f' ({what})' if what else ''}: {why}." for (what, why), which in rows.items()
    ]


def _values(one: Found) -> dict[str, Any]:
    values = asdict(one)
    if isinstance(one, Conditions):
        values |= {"plain": one.plain.model_dump(), "fast": one.fast.model_dump()}
    return values


def _derived(one: Found) -> dict[str, Any]:
    """Return the figures of the table that follow from the times."""
    if not isinstance(one, Measured | Ablated):
        return {}
    sides = (one.pair.first, one.pair.second)
    rates = [asdict(Spread.of(side.seconds).over(one.pair.images)) for side in sides]
    return {"images_per_second": rates, "gain": asdict(one.pair.gain)}


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Return cells in columns, those of the first to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line_of(cells: tuple[str, ...]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])

    return list(map(line_of, lines))


def _spread(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} ({spread.lowest:{form}}..{spread.highest:{form}})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _tera(operations: float) -> str:
    return f"{operations / 1e12:.3g}"


def _memory(size: int) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"
