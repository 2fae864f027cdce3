"""What each fast path gains: fast with that one path otherwise, against fast."""

from collections.abc import Iterator
from typing import Any, get_args

from cfd_studio.engine.bench.sizes import Row, config_of
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import FastPaths, Precision, values_of
from cfd_studio.protocol.stages import FeatureStage, ProgressiveStage

PRECISION = "precision"
PATHS = (PRECISION, *FastPaths.model_fields)

# What a path needs to make a difference.
_NEEDED = {
    "data_on_device": "images to be moved to a device",
    "deferred_reading": "device to wait for",
    "rounding_on_device": "drawn images to be moved from a device",
    "idle_core": "targets to be computed on a core",
    "background_saving": "checkpoints",
    "foreach_average": "average of weights",
    "fused_optimizer": "optimizer",
    "gathered_weights": "optimizer",
    "frozen_without_gradients": "frozen classifier",
    "folded_normalization": "frozen classifier",
}


def lacking(path: str, row: Row, device: str, *, named: bool) -> str | None:
    """Return why a path makes no difference to a row on a device, or takes too long to be measured; None if it does.

    Parameters
    ----------
    path : str
    row : Row
    device : str
    named : bool
        Whether somebody asked for this very path.
    """
    if path == "compilation" and device == "cpu" and not named:
        return "compiling takes minutes on a CPU: ask for it by name"
    needed = _NEEDED.get(path)
    return f"no {needed} here" if needed and needed not in _there(row, device) else None


def variants(path: str, plan: ExecutionPlan) -> Iterator[tuple[str, ExecutionPlan]]:
    """Yield every other value of a path, in the words of the command line, and the plan with it."""
    if path == PRECISION:
        for precision in get_args(Precision):
            whole = {PRECISION: precision, "distillation_precision": precision}
            if plan != plan.model_copy(update=whole) and not (precision == "tf32" and plan.device[:4] != "cuda"):
                yield precision, plan.model_copy(update=whole)
        return
    for word in values_of(path):
        fast = FastPaths.model_validate(plan.fast.model_dump() | {path: word})
        if fast != plan.fast and not (word == "cuda-graphs" and not plan.device.startswith("cuda")):
            yield word, plan.model_copy(update={"fast": fast})


def _there(row: Row, device: str) -> set[str]:
    stage: Any = config_of(row.preset).stage(row.stage)
    elsewhere = device != "cpu"
    there = {
        "data_on_device": elsewhere and not row.calls,
        "deferred_reading": elsewhere and not row.calls,
        "rounding_on_device": elsewhere and row.calls,
        "idle_core": not elsewhere and not row.calls and isinstance(stage, ProgressiveStage | FeatureStage),
        "foreach_average": not row.calls and stage.optimization.average_decay is not None,
        "fused_optimizer": not row.calls,
        "gathered_weights": not row.calls,
        "frozen_without_gradients": isinstance(stage, FeatureStage),
        "folded_normalization": isinstance(stage, FeatureStage),
    }
    return {_NEEDED[path] for path, is_there in there.items() if is_there}
