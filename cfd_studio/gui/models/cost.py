"""What an experiment costs, in words."""

from cfd_studio.gui.models.forecast import duration
from cfd_studio.protocol.errands import Estimate, StageEstimate

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_GIB, _MIB = 2**30, 2**20


def headline(estimate: Estimate) -> str:
    """Return time, memory, disk and images in one line."""
    return (
        f"About {duration(estimate.seconds)} and {memory(estimate.memory)} on {estimate.device}, "
        f"{memory(estimate.disk)} of disk, {many(estimate.images)} images"
    )


def table(estimate: Estimate) -> str:
    """Return what every stage costs, as rich text."""
    rows = [(stage.stage, *_trained(stage), memory(stage.disk)) for stage in estimate.stages]
    rows.append(("Evaluation", "", duration(estimate.evaluation_seconds), "", ""))
    head = "".join(f"<th align='right'>&nbsp;&nbsp;{word}</th>" for word in ("images", "time", "memory", "disk"))
    lines = "".join(
        f"<tr><td>{name}</td>" + "".join(f"<td align='right'>&nbsp;&nbsp;{value}</td>" for value in values) + "</tr>"
        for name, *values in rows
    )
    return f"<table><tr><td></td>{head}</tr>{lines}</table>"


def _trained(stage: StageEstimate) -> tuple[str, str, str]:
    return (many(stage.images), duration(stage.seconds), memory(stage.memory)) if stage.images else ("", "", "")


def memory(size: int) -> str:
    """Return a number of bytes as a person says it."""
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{max(round(size / _MIB), 1)} MiB"


def many(count: int) -> str:
    """Return a large number with three digits and a letter."""
    for factor, letter in _PREFIXES:
        if count >= factor:
            return f"{count / factor:.3g} {letter}"
    return str(count)
