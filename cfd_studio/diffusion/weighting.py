"""How much each noise level counts in a pixel loss."""

from collections.abc import Callable

from torch import Tensor

from cfd_studio.diffusion.schedule import NoiseSchedule

# Each takes (schedule, t) with t of shape (B,) and returns the weight of the squared x-error, shape (B,).
Weighting = Callable[[NoiseSchedule, Tensor], Tensor]


def truncated_snr(schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Return ``max(SNR, 1)``, shape (B,): the larger of x-error and eps-error (Salimans & Ho 2022, section 4)."""
    return schedule.snr(t).clamp(min=1.0)


def snr(schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Return ``SNR``, shape (B,): the squared eps-error, as in Ho et al. 2020, eq. 14."""
    return schedule.snr(t)


def snr_plus_one(schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Return ``SNR + 1``, shape (B,): the squared v-error (Salimans & Ho 2022, section 4)."""
    return schedule.snr(t) + 1.0


def constant(schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Return 1, shape (B,): the squared x-error itself."""
    return schedule.snr(t).new_ones(len(t))


def weighted_squared_errors(x_hat: Tensor, x_target: Tensor, weight: Tensor) -> Tensor:
    """Return ``weight_i * mean_pixels (x_hat_i - x_target_i)^2``, shape (B,); the loss is their mean.

    Parameters
    ----------
    x_hat, x_target : Tensor, shape (B, C, H, W)
    weight : Tensor, shape (B,)
    """
    return weight * (x_hat - x_target).square().flatten(1).mean(1)
