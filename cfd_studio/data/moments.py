"""Mean and deviation of the colours of a set of images."""

import torch
from torch import Tensor


def channel_moments(images: Tensor, rows: Tensor | None = None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the exact mean and standard deviation of each channel, of values mapped to [0, 1].

    Parameters
    ----------
    images : Tensor of uint8, shape (N, C, H, W)
        Counted value by value: nothing of its size is made besides.
    rows : Tensor of int64, optional
        Which of them count; all by default.

    Returns
    -------
    mean, deviation : tuple of float
        One per channel; the deviation of a channel that never varies is said to be 1, so that one can divide by it.
    """
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in images.unbind(1):
        counts = torch.zeros(256, dtype=torch.float64)
        for part in channel.split(1000) if rows is None else (channel[some] for some in rows.split(1000)):
            counts += torch.bincount(part.flatten(), minlength=256).cpu()
        shares = counts / counts.sum()
        mean = (shares * levels).sum()
        deviation = (shares * (levels - mean).square()).sum().sqrt()
        means.append(float(mean))
        deviations.append(float(deviation) or 1.0)
    return tuple(means), tuple(deviations)
