"""From noise to images: the levels that are visited, the loop over them, and the noise that it starts from."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import eps_from_x
from cfd_studio.diffusion.schedule import NoiseSchedule


def sampling_levels(num_timesteps: int, own_steps: int, sampling_steps: int) -> list[int]:
    """Return the base-grid levels of a sampler, from T down to 0.

    A model made for N steps was trained at the levels k * T / N. Fewer steps visit an evenly spaced choice of those,
    rounded where the number does not divide, always starting at T.

    Parameters
    ----------
    num_timesteps : int
        T of the base grid.
    own_steps : int
        N, a divisor of T.
    sampling_steps : int
        In 1..N.

    Returns
    -------
    list of int, length sampling_steps + 1
        Strictly falling.
    """
    assert num_timesteps % own_steps == 0
    assert 1 <= sampling_steps <= own_steps
    stride = num_timesteps // own_steps
    # round half up in whole numbers: floor(k * N / n + 1 / 2)
    return [
        stride * ((2 * k * own_steps + sampling_steps) // (2 * sampling_steps)) for k in range(sampling_steps, -1, -1)
    ]


def ddim_step(schedule: NoiseSchedule, z: Tensor, x_hat: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
    """Move from level t to level t_next along the line that x_hat implies (Song et al. 2021, eq. 12 with eta = 0).

    eps = (z - signal x_hat) / noise, then z' = signal' x_hat + noise' eps.

    Parameters
    ----------
    z, x_hat : Tensor, shape (B, C, H, W)
    t, t_next : Tensor of int64, shape (B,)
        Levels with t > t_next >= 0.
    """
    eps = eps_from_x(x_hat, z, schedule.signal_scale(t), schedule.noise_scale(t))
    return schedule.signal_scale(t_next) * x_hat + schedule.noise_scale(t_next) * eps


@dataclass(frozen=True, slots=True)
class Step:
    """What a sampler knows when it goes from one level to the next; the network is none of its business.

    Attributes
    ----------
    schedule : NoiseSchedule
    level, next_level : int
        On the base grid, level > next_level >= 0.
    z, x_hat : Tensor, shape (B, C, H, W)
        Noisy images at ``level``, and the estimate of the clean ones.
    before : (int, Tensor) or None
        Level and x_hat of the step before; None in the first.
    fresh : callable
        Returns standard normal noise of this step, shape (B, C, H, W); drawn only where it is called.
    """

    schedule: NoiseSchedule
    level: int
    next_level: int
    z: Tensor
    x_hat: Tensor
    before: tuple[int, Tensor] | None
    fresh: Callable[[], Tensor]

    def along(self, x_hat: Tensor) -> Tensor:
        """Return z at the next level on the line that an estimate implies; see `ddim_step`."""
        t = torch.full((len(self.z),), self.level, dtype=torch.int64, device=self.z.device)
        return ddim_step(self.schedule, self.z, x_hat, t, torch.full_like(t, self.next_level))


# Returns z at the next level, shape (B, C, H, W).
Move = Callable[[Step], Tensor]


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    noise: Tensor,
    levels: list[int],
    move: Move,
    *,
    labels: Tensor | None = None,
    clip: bool = True,
    seed: int = 0,
    start: int = 0,
    on_call: Callable[[], None] | None = None,
    on_estimate: Callable[[int, Tensor], None] | None = None,
) -> Tensor:
    """Draw images from noise.

    Parameters
    ----------
    denoiser : Denoiser
    noise : Tensor, shape (B, C, H, W)
        Standard normal.
    levels : list of int
        Strictly falling; one estimate of the image per pair of neighbours.
    move : Move
        The sampler.
    labels : Tensor of int64, shape (B,), optional
        Classes for a class-conditional model, -1 for none.
    clip : bool, optional
        Clip x_hat to [-1, 1] at every step.
    seed, start : int, optional
        Of the fresh noise, where the sampler asks for it: the images are start..start + B - 1.
    on_call : callable, optional
        Called before each estimate; may raise to end early.
    on_estimate : callable, optional
        Told every level and the x_hat estimated there, shape (B, C, H, W), before the sampler makes use of it.

    Returns
    -------
    Tensor, shape (B, C, H, W)
        Images in [-1, 1] where clipped and the last level is clean.
    """
    z, before = noise, None

    def fresh(step: int) -> Tensor:
        shape = (z.shape[1], z.shape[2], z.shape[3])
        return starting_noise(seed, start, len(z), shape, step=step).to(z)

    for index, (level, next_level) in enumerate(itertools.pairwise(levels), start=1):
        if on_call is not None:
            on_call()
        t = torch.full((len(z),), level, dtype=torch.int64, device=z.device)
        x_hat = denoiser(z, t, labels)
        if clip:
            x_hat = x_hat.clamp(-1, 1)
        if on_estimate is not None:
            on_estimate(level, x_hat)
        z = move(Step(denoiser.schedule, level, next_level, z, x_hat, before, partial(fresh, index)))
        before = level, x_hat
    return z


def starting_noise(seed: int, start: int, count: int, shape: tuple[int, int, int], *, step: int = 0) -> Tensor:
    """Draw the noise of the images start..start + count - 1, each from (seed, its own index, step) on the CPU.

    The noise of image i depends on nothing else: not on count, batch, device, model or number of steps.

    Parameters
    ----------
    seed, start, count : int
        Not negative.
    shape : (int, int, int)
        Channels, height, width.
    step : int, optional
        0 for the noise that sampling starts from, k for what a stochastic sampler adds in its k-th step.

    Returns
    -------
    Tensor of float32, shape (count, channels, height, width)
    """
    noise = np.empty((count, *shape), dtype=np.float32)
    for row in range(count):
        # The last word of the counter is never reached by counting, so no two steps share a number.
        stream = np.random.Generator(np.random.Philox(key=[seed, start + row], counter=[0, 0, 0, step]))
        stream.standard_normal(out=noise[row], dtype=np.float32)
    return torch.from_numpy(noise)
