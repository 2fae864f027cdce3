"""The cosine noise schedules, tabulated once per lineage in float64."""

import math

import torch
from torch import Tensor

LARGEST_BETA = 0.999


def cosine_alpha_bar(num_timesteps: int) -> Tensor:
    """Tabulate alpha_bar of the clean-end cosine schedule.

    ``alpha_bar[t] = f(t / T) / f(0)`` with ``f(u) = cos^2((u + 0.008) / 1.008 * pi / 2)`` (Nichol & Dhariwal 2021,
    eq. 17). Level 0 is exactly clean; the last level is held above 0 by capping its beta at 0.999.

    Parameters
    ----------
    num_timesteps : int
        T, at least 2.

    Returns
    -------
    Tensor of float64, shape (T + 1,)
        Falls strictly from 1 to a positive floor.
    """
    table = [1.0]
    for t in range(1, num_timesteps + 1):
        table.append(max(_remaining(t / num_timesteps) / _remaining(0.0), table[-1] * (1 - LARGEST_BETA)))
    return torch.tensor(table, dtype=torch.float64)


def reference_alpha_bar(num_timesteps: int) -> Tensor:
    """Tabulate alpha_bar of the reference schedule, whose level 0 is one step into the noise.

    The code of Sun et al. 2023 takes T + 1 betas ``1 - f((i + 1) / (T + 1)) / f(i / (T + 1))``, each capped at 0.999,
    so that ``alpha_bar[i] = f((i + 1) / (T + 1)) / f(0)`` for i < T and ``alpha_bar[T] = 0.001 * alpha_bar[T - 1]``.
    Models that were trained with it need it; what they draw keeps the noise of level 0.

    Parameters
    ----------
    num_timesteps : int
        T, at least 2.

    Returns
    -------
    Tensor of float64, shape (T + 1,)
        Falls strictly from below 1 to a positive floor.
    """
    levels = num_timesteps + 1
    table = [1.0]
    for i in range(levels):
        kept = _remaining((i + 1) / levels) / _remaining(i / levels)
        table.append(table[-1] * max(kept, 1 - LARGEST_BETA))
    return torch.tensor(table[1:], dtype=torch.float64)


def _remaining(u: float) -> float:
    """Return f(u) of Nichol & Dhariwal 2021, eq. 17."""
    return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2


class NoiseSchedule:
    """Levels 0..T: ``z_t = signal_scale(t) * x + noise_scale(t) * eps`` (variance preserving).

    Parameters
    ----------
    alpha_bar : Tensor of float64, shape (T + 1,)
        Falls from 1 (clean), or from nearly 1, towards 0.
    device : torch.device or str, optional
        Where the tables lie.
    dtype : torch.dtype, optional
        What the scales are rounded to; torch's default where left out.

    Notes
    -----
    The methods take base-grid levels as an int64 tensor of shape (B,) and return shape (B, 1, 1, 1), ready to scale a
    batch of images. Every derived table is computed in float64 before it is rounded.
    """

    def __init__(self, alpha_bar: Tensor, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        assert alpha_bar.dtype == torch.float64
        assert alpha_bar.ndim == 1
        self.num_timesteps = len(alpha_bar) - 1
        self.alpha_bar = alpha_bar
        self.log_snr = torch.log(alpha_bar) - torch.log1p(-alpha_bar)
        self.device = torch.device(device)
        self.dtype = dtype = dtype or torch.get_default_dtype()
        # q = noise_scale / signal_scale, 0 at a clean level; kept in float64, which only mps does not have.
        ratio = ((1 - alpha_bar) / alpha_bar).sqrt()
        self.noise_to_signal = ratio.to("cpu" if self.device.type == "mps" else self.device)
        self._signal = alpha_bar.sqrt().to(dtype).to(device)
        self._noise = (1 - alpha_bar).sqrt().to(dtype).to(device)
        # SNR = alpha_bar / (1 - alpha_bar) is infinite at a clean level, which no loss ever visits.
        self._snr = (alpha_bar / (1 - alpha_bar)).to(dtype).to(device)

    @classmethod
    def cosine(
        cls, num_timesteps: int, device: torch.device | str = "cpu", *, clean_end: bool = True
    ) -> "NoiseSchedule":
        """Return the cosine schedule with the levels 0..T, level 0 clean or as in the reference."""
        return cls((cosine_alpha_bar if clean_end else reference_alpha_bar)(num_timesteps), device)

    @property
    def lowest_noisy(self) -> int:
        """The lowest level at which there is noise to remove: 1 where level 0 is clean, else 0."""
        return 1 if self.alpha_bar[0] == 1 else 0

    def signal_scale(self, t: Tensor) -> Tensor:
        """Return sqrt(alpha_bar), shape (B, 1, 1, 1)."""
        return self._signal[t].view(-1, 1, 1, 1)

    def noise_scale(self, t: Tensor) -> Tensor:
        """Return sqrt(1 - alpha_bar), shape (B, 1, 1, 1)."""
        return self._noise[t].view(-1, 1, 1, 1)

    def snr(self, t: Tensor) -> Tensor:
        """Return alpha_bar / (1 - alpha_bar), shape (B,)."""
        return self._snr[t]

    def add_noise(self, x: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """Return ``z_t = signal_scale * x + noise_scale * eps``, shape (B, C, H, W)."""
        return self.signal_scale(t) * x + self.noise_scale(t) * eps
