"""Lines of a journal to events. Nearly all of them are losses, and those become columns without a detour.

Losses go the short way together: they are decoded at once, in exactly the form in which `LossLogged` is written. What
has another form is read by itself and with all care by the protocol. Both ways give the same numbers.
"""

import itertools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Union, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from cfd_studio.protocol.events import (
    QUARTERS,
    VITALS,
    CheckpointSaved,
    CommandAnswered,
    Event,
    HeldOutLogged,
    Logged,
    LossLogged,
    PhaseEntered,
    parse_event,
)

Numbers = NDArray[np.float64]
Points = tuple[Numbers, Numbers]  # steps and values, shape (n,) each

_PIECE = 2**18  # of a journal: what one call may keep the window waiting for
# What stands between losses without touching their curves.
_CALM = (CheckpointSaved, CommandAnswered, HeldOutLogged, Logged, PhaseEntered)
_GROUPS = ("terms", "gradient_norms", "quarters", "vitals")


def _structure(name: str, names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a structure of numbers, NaN where one is not told: in JSON that is no number and never gets here."""
    fields = {f"number_{at}": word for at, word in enumerate(names)}
    kinds = [(field, float, math.nan) for field in fields]
    return msgspec.defstruct(name, kinds, rename=fields, frozen=True, gc=False, forbid_unknown_fields=True)


_Quarters, _Vitals = _structure("_Quarters", QUARTERS), _structure("_Vitals", VITALS)
_Terms = Annotated[dict[str, float], msgspec.Meta(max_length=16)]


class _Loss(msgspec.Struct, gc=False, forbid_unknown_fields=True, tag_field="kind", tag="loss"):
    """`LossLogged` as it is written; whatever is not quite that is for the protocol to read."""

    time: Annotated[float, msgspec.Meta(ge=0, lt=32_503_680_000)]
    stage: str
    step: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    loss: float
    gradient_norm: float
    learning_rate: float
    images_per_second: float
    terms: _Terms = {}
    gradient_norms: _Terms = {}
    quarters: _Quarters = _Quarters()  # type: ignore[valid-type]
    vitals: _Vitals = _Vitals()  # type: ignore[valid-type]


_KINDS = [kind.model_fields["kind"].default for kind in get_args(Event) if kind is not LossLogged]
_OTHERS = [msgspec.defstruct("_Other", [], gc=False, tag_field="kind", tag=kind) for kind in _KINDS]
_DECODER = msgspec.json.Decoder(Union[_Loss, *_OTHERS])
_SCALARS = operator.attrgetter("step", "loss", "learning_rate", "images_per_second")


@dataclass(frozen=True, slots=True)
class LossRun:
    """Successive losses of one stage.

    Attributes
    ----------
    steps, losses, learning_rates, images_per_second : ndarray of float64, shape (n,)
        The steps rise strictly.
    terms, gradient_norms, quarters, vitals : dict of Points
        By name; each has the steps at which it was told.
    """

    stage: str
    steps: Numbers
    losses: Numbers
    learning_rates: Numbers
    images_per_second: Numbers
    terms: dict[str, Points]
    gradient_norms: dict[str, Points]
    quarters: dict[str, Points]
    vitals: dict[str, Points]

    @classmethod
    def of(cls, event: LossLogged) -> "LossRun":
        """Return one loss alone."""
        steps = _column(event.step)
        return cls(
            stage=event.stage,
            steps=steps,
            losses=_column(event.loss),
            learning_rates=_column(event.learning_rate),
            images_per_second=_column(event.images_per_second),
            **{group: _points(steps, [getattr(event, group)]) for group in _GROUPS},
        )


def read_lines(block: bytes) -> Iterator[Event | LossRun | None]:
    """Yield what complete lines say, every loss in a `LossRun`; None for each that makes no sense.

    All keeps its order, but for losses: they gather while nothing is said that begins or ends anything.
    """
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + _PIECE) + 1 or len(block)
        piece = block[start:end]
        lines = piece.split(b"\n")[:-1]
        gathered: list[_Loss] = []
        for row, line in zip(_decoded(piece, lines), lines, strict=True):
            if type(row) is _Loss:
                gathered.append(row)
                continue
            event = parse_event(line)
            if not isinstance(event, _CALM):
                yield from _loss_runs(gathered)
                gathered = []
            yield LossRun.of(event) if isinstance(event, LossLogged) else event
        yield from _loss_runs(gathered)
        start = end


def _decoded(piece: bytes, lines: list[bytes]) -> Sequence[object]:
    """Return a `_Loss` for every line that is one in the form in which it is written, something else for the others."""
    try:
        rows = _DECODER.decode_lines(piece)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        rows = []
    return rows if len(rows) == len(lines) else [_decoded_alone(line) for line in lines]


def _decoded_alone(line: bytes) -> object:
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _loss_runs(rows: list[_Loss]) -> Iterator[LossRun]:
    """Yield losses as columns, cut wherever another stage comes or the steps do not rise."""
    for stage, alike in itertools.groupby(rows, key=operator.attrgetter("stage")):
        yield from _columns(stage, list(alike))


def _columns(stage: str, rows: list[_Loss]) -> Iterator[LossRun]:
    steps, losses, rates, paces = _table(map(_SCALARS, rows), 4)
    terms, norms = [row.terms for row in rows], [row.gradient_norms for row in rows]
    quarters = _table(map(msgspec.structs.astuple, map(operator.attrgetter("quarters"), rows)), len(QUARTERS))
    vitals = _table(map(msgspec.structs.astuple, map(operator.attrgetter("vitals"), rows)), len(VITALS))
    cuts = (np.flatnonzero(np.diff(steps) <= 0) + 1).tolist()
    for first, end in itertools.pairwise([0, *cuts, len(rows)]):
        here, at = slice(first, end), steps[first:end]
        yield LossRun(
            stage=stage,
            steps=at,
            losses=losses[here],
            learning_rates=rates[here],
            images_per_second=paces[here],
            terms=_points(at, terms[here]),
            gradient_norms=_points(at, norms[here]),
            quarters=_numbers(at, quarters[:, here], QUARTERS),
            vitals=_numbers(at, vitals[:, here], VITALS),
        )


def _points(steps: Numbers, tables: list[dict[str, float]]) -> dict[str, Points]:
    """Return the points of every name in dictionaries, one dictionary per step."""
    if not any(tables):
        return {}
    told = set(map(tuple, tables))
    if len(told) == 1:
        (names,) = told
        columns = _table(map(dict.values, tables), len(names))
        return {name: (steps, column) for name, column in zip(names, columns, strict=True)}
    points = {}
    for name in dict.fromkeys(itertools.chain.from_iterable(told)):
        has = np.array([name in table for table in tables])
        points[name] = steps[has], np.array([table[name] for table in tables if name in table], dtype=np.float64)
    return points


def _numbers(steps: Numbers, columns: Numbers, names: tuple[str, ...]) -> dict[str, Points]:
    """Return the points of every name whose column is not NaN throughout."""
    points = {}
    for name, values in zip(names, columns, strict=True):
        told = ~np.isnan(values)
        if told.any():
            points[name] = (steps, values) if told.all() else (steps[told], values[told])
    return points


def _table(rows: Iterable[Iterable[float]], width: int) -> Numbers:
    """Return columns, shape (width, n)."""
    flat = np.fromiter(itertools.chain.from_iterable(rows), np.float64)
    return flat.reshape(-1, width).T


def _column(value: float) -> Numbers:
    return np.array([value], dtype=np.float64)
