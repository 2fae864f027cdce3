"""How kinds and figures are said, in the window as in a report."""

from collections.abc import Iterator
from typing import Any

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import UNCHOSEN, FastPaths
from cfd_studio.protocol.figures import Metric
from cfd_studio.protocol.stages import ClassifierStage, Stage

KIND_WORDS = {"classifier": "Classifier", "teacher": "Teacher", "progressive": "PD student", "feature": "CFD student"}


def describe(config: RunConfig, stage: Stage) -> str:
    """Return the kind of a stage and, for a model, its step count."""
    if isinstance(stage, ClassifierStage):
        return "Judge" if stage.id == config.evaluation.judge else "Classifier"
    steps = config.own_steps(stage)
    return f"{KIND_WORDS[stage.kind].split()[0]} · {steps} step{'s' if steps != 1 else ''}"


def plan_words(plan: ExecutionPlan) -> str:
    """Return what a job took of the machine, as in "cpu with 2 threads, bfloat16, channels last (frozen)".

    Plain computing is not said: one process, batches in one piece, float32.
    """
    return ", ".join(_plan_parts(plan))


def _plan_parts(plan: ExecutionPlan) -> Iterator[str]:
    yield f"{plan.device} with {plan.threads} thread{'s' if plan.threads > 1 else ''}"
    if plan.precision != "float32":
        yield plan.precision
        if plan.distillation_precision != plan.precision:
            yield f"students in {plan.distillation_precision}"
    if plan.processes > 1:
        yield f"{plan.processes} processes"
    if plan.accumulation > 1:
        yield f"batches in {plan.accumulation} parts"
    if plan.fast == FastPaths.none():
        yield "no fast paths"
        return
    for name, value in plan.fast:
        if value != getattr(UNCHOSEN, name):
            yield path_words(name, value)


def wishes_words(wishes: dict[str, Any]) -> str:
    """Return which fast paths are asked for, as in "compiled, fused attention off" or "none but compiled"."""
    if wishes.keys() != FastPaths.model_fields.keys():
        return ", ".join(path_words(name, value) for name, value in wishes.items())
    off = FastPaths.none().model_dump()
    taken = [path_words(name, value) for name, value in wishes.items() if value != off[name]]
    return f"none but {', '.join(taken)}" if taken else "none"


def path_words(name: str, value: bool | str) -> str:
    """Return a fast path as it is taken, as in "channels last (frozen)", "compiled" or "fused attention off"."""
    label = (FastPaths.model_fields[name].title or name).lower()
    if value in (False, "off", "none"):
        return f"{label} off"
    return label if value in (True, "default") else f"{label} ({value})"


def short(value: float) -> str:
    """Return a figure with three significant digits."""
    if value != value:
        return "not a number"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:#.3g}" if abs(value) < 100 else f"{value:,.0f}"


def metric_value(metric: Metric, value: float) -> str:
    """Return a share with three decimals, everything else with three significant digits."""
    return f"{value:.3f}" if metric in ("precision", "recall") else short(value)


def milliseconds(seconds: float) -> str:
    """Return the time of an image."""
    value = seconds * 1000
    return f"{value:#.2g} ms" if value < 10 else f"{value:,.0f} ms"
