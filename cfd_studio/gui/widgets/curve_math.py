"""What a curve needs before it is drawn: smoothing, a range that one spike does not ruin, round values for an axis."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NOTHING = np.empty(0)


def smooth(totals: Array, counts: Array, weight: float) -> Array:
    """Return a moving mean with exponential tails on both sides.

    Looking both ways, it does not lag behind a falling curve, and its ends are means of what there is.

    Parameters
    ----------
    totals : ndarray, shape (n,)
        Sums of the finite values of successive bins; a bin may be a single point.
    counts : ndarray, shape (n,)
        How many values each is the sum of.
    weight : float
        How much a bin counts less than its neighbour nearer the middle, in [0, 1).
    """
    total, share = _both_ways(totals, weight), _both_ways(counts, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share > 0, total / share, np.nan)


def _both_ways(values: Array, weight: float) -> Array:
    if weight <= 0:
        return values
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


def to_axis(values: Array, *, log: bool) -> Array:
    """Return values as an axis places them: log10, with a gap where there is none, or as they are."""
    return np.log10(np.where(values > 0, values, np.nan)) if log else values


def fitting_range(placed: Array, *, robust: bool, from_zero: bool) -> tuple[float, float] | None:
    """Return the range that holds a curve, or None where there is nothing.

    Parameters
    ----------
    placed : ndarray, shape (n,)
        Values as the axis places them.
    robust : bool
        Whether spikes that lie far beyond nearly everything else may stick out.
    from_zero : bool
        Whether a range of values that are nowhere negative begins at zero.
    """
    known = placed[np.isfinite(placed)]
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    if robust:
        lower, middle, upper = (float(at) for at in np.percentile(known, (2, 50, 98)))
        high = min(high, upper + 4 * max(upper - middle, 1e-12))
        low = max(low, lower - 4 * max(middle - lower, 1e-12))
    if from_zero and low >= 0:
        low = 0.0
    room = 0.06 * (high - low) or 0.5 * max(abs(high), 1e-6)
    return (low if from_zero and low == 0 else low - room), high + room


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
