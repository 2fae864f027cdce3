"""What a curve needs before it is drawn: smoothing, thinning, a range that one spike does not ruin."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_POINTS = 2000


def smooth(values: Array, weight: float) -> Array:
    """Return a moving average with exponential tails on both sides; values that are not finite count as missing.

    Looking both ways, it does not lag behind a falling curve, and its ends are means of what there is.

    Parameters
    ----------
    values : ndarray, shape (n,)
    weight : float
        How much a point counts less than its neighbour nearer the middle, in [0, 1).
    """
    if weight <= 0 or not len(values):
        return values
    known = np.isfinite(values)
    total = _both_ways(np.where(known, values, 0.0), weight)
    share = _both_ways(known.astype(np.float64), weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share > 0, total / share, np.nan)


def _both_ways(values: Array, weight: float) -> Array:
    return _decay(values, weight) + _decay(values[::-1], weight)[::-1] - values


def _decay(values: Array, weight: float) -> Array:
    """Return y[i] = weight * y[i - 1] + values[i], in blocks short enough that weight ** -i stays finite."""
    block = max(1, min(len(values), int(-500 / np.log(weight))))
    powers = weight ** np.arange(block)
    result = np.empty_like(values)
    carried = 0.0
    for start in range(0, len(values), block):
        part = values[start : start + block]
        rising = powers[: len(part)]
        result[start : start + block] = rising * (np.cumsum(part / rising) + weight * carried)
        carried = float(result[start + len(part) - 1])
    return result


def thin(steps: Array, values: Array, most: int = MOST_POINTS) -> tuple[Array, Array]:
    """Return at most ``most`` points that keep every peak and dip: the smallest and largest of each bin, in order."""
    if len(steps) <= most:
        return steps, values
    bins = most // 2
    size = len(steps) // bins
    whole = size * bins
    grid = np.where(np.isfinite(values[:whole]), values[:whole], np.nan).reshape(bins, size)
    empty = np.isnan(grid).all(axis=1)
    low = np.argmin(np.where(np.isnan(grid), np.inf, grid), axis=1)
    high = np.argmax(np.where(np.isnan(grid), -np.inf, grid), axis=1)
    low[empty] = high[empty] = 0
    base = np.arange(bins) * size
    chosen = np.unique(np.concatenate([base + low, base + high, np.arange(whole, len(steps))]))
    return steps[chosen], values[chosen]


def robust_range(parts: list[Array], *, log: bool) -> tuple[float, float] | None:
    """Return a range that holds the curves but for their most extreme spikes, or None where there is nothing.

    In logarithmic mode values at or below zero are left out, and the range is of log10.
    """
    values = np.concatenate(parts) if parts else np.empty(0)
    values = values[np.isfinite(values)]
    if log:
        values = np.log10(values[values > 0])
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    middle = float(np.percentile(values, 50))
    upper = float(np.percentile(values, 98))
    # A spike is what lies far beyond nearly everything else.
    reach = 4 * max(upper - middle, 1e-12)
    if not log and high > upper + reach:
        high = upper + reach
    if not log and low >= 0:
        low = 0.0
    room = 0.06 * (high - low) or 0.5 * max(abs(high), 1e-6)
    return (low if not log and low == 0 else low - room), high + room


def log_ticks(low: float, high: float) -> list[float]:
    """Return log10 of about two to eight round values between two powers of ten."""
    for mantissas in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 6, 8)):
        decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
        every = max(1, (len(decades) - 1) // 6) if mantissas == (1,) else 1
        found = [decade + float(np.log10(one)) for decade in decades[::every] for one in mantissas]
        found = [at for at in found if low <= at <= high]
        if len(found) >= 3:
            return found
    return [float(at) for at in np.linspace(low, high, 4)]
