"""What a stage's estimates show besides its loss: the loss by noise level, and how healthy the images are.

All of it is summed on the device, with a few small operations per step, and read together with the losses.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cfd_studio.protocol.events import QUARTERS, VITALS


def quarter_table(lowest: int, own_steps: int, stride: int) -> Tensor:
    """Return the quarter of every base-grid level, int64 of shape (T + 1,), for the levels that a stage draws.

    These are k * stride for k = lowest..own_steps. Where they are fewer than four, the noisiest is in the last quarter.

    Parameters
    ----------
    lowest, own_steps, stride : int
    """
    k = torch.arange(own_steps * stride + 1) // stride
    return ((4 * (k - lowest + 1) - 1) // (own_steps - lowest + 1)).clamp(min=0)


def gauge(quarters: Tensor, losses: Tensor, x_hat: Tensor) -> Tensor:
    """Return a row of sums over a share of a batch, to be added up over shares, ranks and steps.

    They are the losses of each of `QUARTERS`, how many there are of each, and each of `VITALS`, summed over images.

    Parameters
    ----------
    quarters : Tensor of int64, shape (B,)
    losses : Tensor, shape (B,)
    x_hat : Tensor, shape (B, C, H, W)
        Estimates of the images, not clipped.
    """
    by_quarter = losses.new_zeros(2, len(QUARTERS))
    by_quarter.index_add_(1, quarters, torch.stack([losses, torch.ones_like(losses)]))
    saturation = (x_hat.abs() >= 1).to(losses.dtype).mean()
    vitals = torch.stack([saturation, x_hat.mean().to(losses.dtype)])
    return torch.cat([by_quarter.flatten(), len(losses) * vitals])


def read(sums: Sequence[float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the means that sums stand for, by the names of `QUARTERS` and `VITALS`; none of what was never drawn."""
    size = len(QUARTERS)
    losses, counts, vitals = sums[:size], sums[size : 2 * size], sums[2 * size :]
    quarters = {name: loss / count for name, loss, count in zip(QUARTERS, losses, counts, strict=True) if count}
    images = sum(counts)
    return quarters, {name: total / images for name, total in zip(VITALS, vitals, strict=True)} if images else {}
