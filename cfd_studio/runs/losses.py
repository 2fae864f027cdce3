"""Lines of a journal to events. Nearly all of them are losses, and those become columns without a detour.

A line goes the short way only where it has exactly the form in which `LossLogged` is written; every other one is read
with all care by the protocol. Both ways give the same numbers.
"""

import itertools
import json
import operator
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cfd_studio.protocol.events import Event, LossLogged, parse_event

_PIECE = 2**16  # of a journal: what one call may keep the window waiting for
_NUMBER = r"-?+(?:0|[1-9]\d{0,25}+)(?:\.\d{1,25}+)?+(?:[eE][+-]?+\d{1,2}+)?+"
_SHAPES: dict[object, str] = {
    float: _NUMBER,
    int: r"(?:0|[1-9]\d{0,14}+)",
    str: '"[a-z0-9-]{1,40}+"',
    dict[str, float]: rf'\{{(?:"[A-Za-z0-9 _-]{{1,40}}+":{_NUMBER}(?:,(?!\}})|(?=\}}))){{0,16}}+\}}',
}
_NARROW = {  # a loss of another millennium, or with gradient norms, takes the long way
    "time": r"(?:0|[1-9]\d{0,9}+)(?:\.\d{1,25}+)?+",
    "kind": '"loss"',
    "gradient_norms": r"\{\}",
    "quarters": r"\{\}",
    "vitals": r"\{\}",
}
_NEWER = {"gradient_norms", "quarters", "vitals"}  # lines of older jobs lack them
_KEPT = ("stage", "step", "loss", "terms", "learning_rate", "images_per_second")


@dataclass(frozen=True, slots=True)
class LossRun:
    """Successive losses of one stage.

    Attributes
    ----------
    steps, losses, learning_rates : ndarray of float64, shape (n,)
        The steps rise strictly.
    terms, gradient_norms, quarters, vitals : dict
        By name, arrays of the same shape; norms are measured rarely, and a loss with them comes alone.
    images_per_second : ndarray of float64, shape (n,)
    """

    stage: str
    steps: NDArray[np.float64]
    losses: NDArray[np.float64]
    terms: dict[str, NDArray[np.float64]]
    gradient_norms: dict[str, NDArray[np.float64]]
    quarters: dict[str, NDArray[np.float64]]
    vitals: dict[str, NDArray[np.float64]]
    learning_rates: NDArray[np.float64]
    images_per_second: NDArray[np.float64]

    @classmethod
    def of(cls, event: LossLogged) -> "LossRun":
        """Return one loss alone."""
        return cls(
            stage=event.stage,
            steps=_column([event.step]),
            losses=_column([event.loss]),
            terms={name: _column([value]) for name, value in event.terms.items()},
            gradient_norms={name: _column([value]) for name, value in event.gradient_norms.items()},
            quarters={name: _column([value]) for name, value in event.quarters.items()},
            vitals={name: _column([value]) for name, value in event.vitals.items()},
            learning_rates=_column([event.learning_rate]),
            images_per_second=_column([event.images_per_second]),
        )


def read_lines(block: bytes) -> Iterator[Event | LossRun | None]:
    """Yield what complete lines say, in their order, every loss in a `LossRun`; None for each that makes no sense."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + _PIECE) + 1 or len(block)
        rows = _LINE.findall(block, start, end)
        start = end
        for stage, alike in itertools.groupby(rows, key=operator.itemgetter(0)):
            if stage:
                yield from _loss_runs(list(alike))
                continue
            for *_, line in alike:
                event = parse_event(line)
                yield LossRun.of(event) if isinstance(event, LossLogged) else event


def _loss_runs(rows: list[tuple[bytes, ...]]) -> Iterator[LossRun]:
    """Yield the losses of one stage as columns, cut wherever the steps go back or the terms change."""
    column = dict(zip(_GROUPS, zip(*rows, strict=True), strict=False))
    names = ("step", "loss", "learning_rate", "images_per_second")
    steps, losses, rates, paces = (_column(column[name]) for name in names)
    turns = set((np.flatnonzero(np.diff(steps) <= 0) + 1).tolist())
    tables: list[dict[str, float]] = [{}] * len(rows)
    if any(terms != b"{}" for terms in column["terms"]):
        tables = [json.loads(terms.decode()) for terms in column["terms"]]
        turns |= {at for at, (left, right) in enumerate(itertools.pairwise(tables), 1) if left.keys() != right.keys()}
    for first, end in itertools.pairwise([0, *sorted(turns), len(rows)]):
        here = slice(first, end)
        yield LossRun(
            stage=column["stage"][0][1:-1].decode(),
            steps=steps[here],
            losses=losses[here],
            terms={name: _column([table[name] for table in tables[here]]) for name in tables[first]},
            gradient_norms={},
            quarters={},
            vitals={},
            learning_rates=rates[here],
            images_per_second=paces[here],
        )


def _column(values: Iterable[float | bytes]) -> NDArray[np.float64]:
    return np.array(list(map(float, values)))


def _line_pattern() -> re.Pattern[bytes]:
    """Return the form in which `LossLogged` is written, with a group around each field that is kept, or any line."""
    loss = ""
    for name, info in LossLogged.model_fields.items():
        shape = _NARROW.get(name) or _SHAPES[info.annotation]
        field = f'"{name}":' + (f"(?P<{name}>{shape})" if name in _KEPT else shape) + ","
        loss += f"(?:{field})?+" if name in _NEWER else field
    return re.compile(rf"(?:\{{{loss.removesuffix(',')}\}}|([^\n]*+))\n".encode())


_LINE = _line_pattern()
_GROUPS = sorted(_LINE.groupindex, key=_LINE.groupindex.__getitem__)  # the last group has no name
