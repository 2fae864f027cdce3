"""The course of a bench: every size, row and batch, one after the other, and what is found as soon as it is."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cfd_studio.engine import mishaps
from cfd_studio.engine.bench.ablation import lacking, variants
from cfd_studio.engine.bench.machine import measured_peak
from cfd_studio.engine.bench.measuring import Pair, measure
from cfd_studio.engine.bench.sides import Side
from cfd_studio.engine.bench.sizes import Row, Size, config_of
from cfd_studio.engine.bench.work import operations
from cfd_studio.engine.execution import choose_threads
from cfd_studio.engine.rehearsal import choice_of, uncompiled
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths, Precision

COUNTED_BATCH = 2  # operations grow with the batch, exactly


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured.

    Attributes
    ----------
    sizes : tuple of Size
        With the rows that are wanted.
    batches : tuple of int
        Images at once; empty for those of the sizes.
    request : ExecutionRequest
        Threads, precision and fast paths of the fast side.
    device : str
    repeats : int
    seconds : float
        For each pair of sides; see `cfd_studio.engine.bench.measuring.measure`.
    ablated : tuple of str
        Paths whose gain is wanted.
    by_name : bool
        Whether somebody named these paths.
    """

    sizes: tuple[Size, ...]
    batches: tuple[int, ...]
    request: ExecutionRequest
    device: str
    repeats: int
    seconds: float
    ablated: tuple[str, ...]
    by_name: bool


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the rows of a size are computed."""

    size: str
    plain: ExecutionPlan
    fast: ExecutionPlan


@dataclass(frozen=True, slots=True)
class Measured:
    """A row: plain first, fast second.

    Attributes
    ----------
    size, row : str
    operations : float
        Floating-point operations for an image.
    pair : Pair
    precision : {"float32", "tf32", "bfloat16"}
        Of fast.
    peaks : dict of str to float
        Operations per second of a large matrix product in either side's number format, a moment before.
    """

    size: str
    row: str
    operations: float
    pair: Pair
    precision: Precision
    peaks: dict[Precision, float]


@dataclass(frozen=True, slots=True)
class Ablated:
    """Fast with one path otherwise, first, against fast."""

    size: str
    row: str
    path: str
    value: str
    pair: Pair


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not measured, and why."""

    size: str
    row: str
    what: str
    why: str


Found = Conditions | Measured | Ablated | LeftOut


class Course:
    """Measures what is wanted.

    Parameters
    ----------
    wanted : Wanted
    tell : callable
        Told what is done next, and where a fast path could not be taken.
    """

    def __init__(self, wanted: Wanted, tell: Callable[[str], None]) -> None:
        self._wanted = wanted
        self._tell = tell

    def __iter__(self) -> Iterator[Found]:
        """Yield everything that is found, in the order of the sizes."""
        for size in self._wanted.sizes:
            conditions = self._conditions(size)
            yield conditions
            for batch in self._wanted.batches or (size.batch_on(self._wanted.device),):
                yield from self._rows(size, batch, conditions)

    def _conditions(self, size: Size) -> Conditions:
        """Choose plans as a job would."""
        device, request = self._wanted.device, self._wanted.request
        config = config_of(size.rows[0].preset)
        choice = choice_of(config, request, device)
        plan = choice.plan(device)
        self._tell(f"{size.name}: choosing the threads")
        teacher = Row("teacher", size.rows[0].preset, config.diffusion_stages()[0].id)

        def typical() -> Callable[[], None]:
            return Side(uncompiled(plan), self._tell).work(teacher, size.batch_on(device)).piece

        plan = plan.model_copy(update={"threads": choose_threads(choice.threads, device, typical)})
        plain = plan.model_copy(
            update={"precision": "float32", "distillation_precision": "float32", "fast": FastPaths.none()}
        )
        return Conditions(size.name, plain, plan)

    def _rows(self, size: Size, batch: int | None, conditions: Conditions) -> Iterator[Found]:
        counted, plain, fast = (
            Side(plan, self._tell)
            for plan in (ExecutionPlan(device=conditions.plain.device, threads=1), conditions.plain, conditions.fast)
        )
        for row in size.rows:
            try:
                flops, precision = operations(counted.work(row, COUNTED_BATCH)), fast.precision(row)
                # Anew for every row: of a machine with other users a single moment may be a slow one.
                kinds: list[Precision] = ["float32", precision]
                peaks = {kind: measured_peak(fast.plan.device, kind) for kind in dict.fromkeys(kinds)}
                pair = self._measure(size, row, batch, (plain, fast), "plain and fast")
            except Exception as error:
                yield LeftOut(size.name, row.name, f"batch {batch}" if batch else "", _why(error))
                mishaps.forget(error)
            else:
                yield Measured(size.name, row.name, flops, pair, precision, peaks)
                for path in self._wanted.ablated:
                    yield from self._without(path, size, row, batch, fast)
            gc.collect()
            mishaps.release_device_memory()

    def _without(self, path: str, size: Size, row: Row, batch: int | None, fast: Side) -> Iterator[Found]:
        if why := lacking(path, row, fast.plan.device, named=self._wanted.by_name):
            yield LeftOut(size.name, row.name, path, why)
            return
        for value, plan in variants(path, fast.plan):
            other = Side(plan, self._tell)
            try:
                pair = self._measure(size, row, batch, (other, fast), f"{path}={value} and fast")
            except Exception as error:
                yield LeftOut(size.name, row.name, f"{path}={value}", _why(error))
                mishaps.forget(error)
            else:
                yield Ablated(size.name, row.name, path, value, pair)

    def _measure(self, size: Size, row: Row, batch: int | None, sides: tuple[Side, Side], what: str) -> Pair:
        self._tell(f"{size.name} {row.name}{f', batch {batch}' if batch else ''}: {what}")
        return measure(row, batch, sides, self._wanted.repeats, self._wanted.seconds)


def _why(error: Exception) -> str:
    """Return why a row cannot be measured where others can; else the error goes on."""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "torchvision":
        return "torchvision is not installed"
    if mishaps.out_of_memory(error):
        return "does not fit into the memory"
    raise error
