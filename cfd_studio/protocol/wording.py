"""How kinds and figures are said, in the window as in a report."""

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import Metric
from cfd_studio.protocol.stages import ClassifierStage, Stage

KIND_WORDS = {"classifier": "Classifier", "teacher": "Teacher", "progressive": "PD student", "feature": "CFD student"}


def describe(config: RunConfig, stage: Stage) -> str:
    """Return the kind of a stage and, for a model, its step count."""
    if isinstance(stage, ClassifierStage):
        return "Judge" if stage.id == config.evaluation.judge else "Classifier"
    steps = config.own_steps(stage)
    return f"{KIND_WORDS[stage.kind].split()[0]} · {steps} step{'s' if steps != 1 else ''}"


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
