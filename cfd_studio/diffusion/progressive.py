"""Progressive distillation: what the student must predict so that one step of it equals two of its teacher."""

import torch
from torch import Tensor

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.samplers import ddim_step
from cfd_studio.diffusion.schedule import NoiseSchedule


def second_estimate_weight(schedule: NoiseSchedule, t: Tensor, t_mid: Tensor, t_end: Tensor) -> Tensor:
    """Return w = (1 - q''/q') / (1 - q''/q), shape (B, 1, 1, 1), computed in float64.

    q, q' and q'' are noise_scale / signal_scale at t > t_mid > t_end. w is 1 where t_end is clean.
    """
    table = schedule.noise_to_signal
    q, q_mid, q_end = (table[level.to(table.device)] for level in (t, t_mid, t_end))
    w = (1 - q_end / q_mid) / (1 - q_end / q)
    return w.to(schedule.dtype).to(t.device).view(-1, 1, 1, 1)


@torch.no_grad()
def two_step_target(
    teacher: Denoiser,
    z: Tensor,
    t: Tensor,
    t_mid: Tensor,
    t_end: Tensor,
    *,
    labels: Tensor | None = None,
    clip: bool = False,
) -> Tensor:
    """Return the x_target with which one DDIM step t -> t_end lands where the teacher's two steps land.

    Salimans & Ho 2022, algorithm 2, gives
    ``x_target = (z'' - (noise''/noise) z) / (signal'' - (noise''/noise) signal)``,
    a difference of nearly equal numbers. With both teacher steps written out, z cancels exactly and what remains is a
    convex mixture of the teacher's two estimates: ``x_target = w x_2 + (1 - w) x_1``.

    Parameters
    ----------
    teacher : Denoiser
    z : Tensor, shape (B, C, H, W)
        Noisy images at level t.
    t, t_mid, t_end : Tensor of int64, shape (B,)
        Levels with t > t_mid > t_end >= 0.
    labels : Tensor of int64, shape (B,), optional
        Classes for a class-conditional teacher.
    clip : bool, optional
        Clip both of the teacher's estimates to [-1, 1], as the sampler does.

    Returns
    -------
    Tensor, shape (B, C, H, W)
    """
    x_1 = teacher(z, t, labels)
    if clip:
        x_1 = x_1.clamp(-1, 1)
    z_mid = ddim_step(teacher.schedule, z, x_1, t, t_mid)
    x_2 = teacher(z_mid, t_mid, labels)
    if clip:
        x_2 = x_2.clamp(-1, 1)
    return torch.lerp(x_1, x_2, second_estimate_weight(teacher.schedule, t, t_mid, t_end))
