"""How much each noise level counts in a pixel loss."""

from torch import Tensor

from cfd_studio.diffusion.schedule import NoiseSchedule


def truncated_snr(schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Return ``max(SNR, 1)``, shape (B,): the larger of x-error and eps-error (Salimans & Ho 2022, section 4)."""
    return schedule.snr(t).clamp(min=1.0)


def weighted_squared_error(x_hat: Tensor, x_target: Tensor, weight: Tensor) -> Tensor:
    """Return ``mean_i weight_i * mean_pixels (x_hat_i - x_target_i)^2``, a scalar.

    Parameters
    ----------
    x_hat, x_target : Tensor, shape (B, C, H, W)
    weight : Tensor, shape (B,)
    """
    return (weight * (x_hat - x_target).square().flatten(1).mean(1)).mean()
