"""Loss curves as inline SVG: no script, and colours that the page gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

Array = NDArray[np.float64]
_WIDTH, _HEIGHT = 460, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 6, 22
_MOST_POINTS = 400
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class SvgLine:
    """Values over steps, and the class that the page draws them by."""

    name: str
    steps: Array
    values: Array


def line_chart(lines: Sequence[SvgLine]) -> Markup | None:
    """Return lines on a logarithmic axis, or None where there is no positive finite value."""
    lines = [_drawable(line) for line in lines]
    values = np.concatenate([line.values for line in lines]) if lines else np.empty(0)
    if not len(values):
        return None
    low, high = float(np.log10(values.min())), float(np.log10(values.max()))
    spare = max(0.05, 0.04 * (high - low))
    low, high = low - spare, high + spare
    last = max(float(line.steps[-1]) for line in lines if len(line.steps)) or 1.0
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(steps: Array, levels: Array) -> str:
        across = _LEFT + width * steps / last
        down = _TOP + height * (high - levels) / (high - low)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))

    parts = [Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="Loss curve">').format(_WIDTH, _HEIGHT)]
    for level in _ticks(low, high):
        y = f"{_TOP + height * (high - level) / (high - low):.1f}"
        parts.append(
            Markup(
                '<path class="grid-line" d="M{0} {1}H{2}"/><text x="{3}" y="{1}" dy="4" text-anchor="end">{4}</text>'
            ).format(_LEFT, y, _WIDTH - _RIGHT, _LEFT - 6, f"{10**level:.3g}")
        )
    for line in lines:
        points = place(line.steps, np.log10(line.values))
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(line.name, points))
    for step, anchor in ((0.0, "start"), (last, "end")):
        x = f"{_LEFT + width * step / last:.1f}"
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, _HEIGHT - 6, anchor, f"{step:,.0f}")
        )
    return Markup("").join([*parts, Markup("</svg>")])


def smoothed(values: Array) -> Array:
    """Return running means over a twentieth of the points; values that are not finite are left out."""
    half = len(values) // 40
    good = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(good)])
    at = np.arange(len(values))
    first, beyond = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    counted = count[beyond] - count[first]
    return np.divide(total[beyond] - total[first], counted, out=np.full(len(values), np.nan), where=counted > 0)


def _drawable(line: SvgLine) -> SvgLine:
    """Return the points that a logarithmic axis has; of many, the least and the greatest of each stretch."""
    good = np.isfinite(line.values) & (line.values > 0)
    steps, values = line.steps[good], line.values[good]
    if len(values) > _MOST_POINTS:
        stretches = np.array_split(np.arange(len(values)), _MOST_POINTS // 2)
        chosen = {int(part[pick(values[part])]) for part in stretches for pick in (np.argmin, np.argmax)}
        at = np.array(sorted({0, len(values) - 1, *chosen}))
        steps, values = steps[at], values[at]
    return SvgLine(line.name, steps, values)


def _ticks(low: float, high: float) -> list[float]:
    """Return log10 of a few round values."""
    decades = np.arange(np.floor(low), np.ceil(high) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [
            decade + np.log10(one) for decade in decades for one in mantissas if low <= decade + np.log10(one) <= high
        ]
        if len(found) <= _MOST_TICKS:
            return [float(one) for one in found]
    return [float(one) for one in decades[:: -(-len(decades) // _MOST_TICKS)] if low <= one <= high]
