"""A network together with what its output means and the schedule it was trained on."""

import torch
from torch import Tensor, nn

from cfd_studio.diffusion.prediction import ToImage
from cfd_studio.diffusion.schedule import NoiseSchedule


class Denoiser:
    """Maps a noisy image and its level to an estimate of the clean one.

    Parameters
    ----------
    network : nn.Module
        Called as ``network(z, level)`` with z of shape (B, C, H, W) and level of shape (B,); a class-conditional one
        as ``network(z, level, labels)``.
    to_image : callable
        Turns the network's output into x_hat; see `cfd_studio.diffusion.prediction`.
    schedule : NoiseSchedule

    Attributes
    ----------
    network_calls : int
        Counts the calls, so that a cost is never guessed.
    """

    def __init__(self, network: nn.Module, to_image: ToImage, schedule: NoiseSchedule) -> None:
        self.network = network
        self.to_image = to_image
        self.schedule = schedule
        self.network_calls = 0

    def __call__(self, z: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return x_hat, shape (B, C, H, W), at least float32, not clipped.

        Parameters
        ----------
        z : Tensor, shape (B, C, H, W)
            Noisy images at level t.
        t : Tensor of int64, shape (B,)
            Base-grid levels, 1..T where level 0 is clean.
        labels : Tensor of int64, shape (B,), optional
            Classes, -1 for none; only for a class-conditional network.
        """
        self.network_calls += 1
        output = self.network(z, t) if labels is None else self.network(z, t, labels)
        output = output.to(torch.promote_types(z.dtype, torch.float32))
        return self.to_image(output, z, self.schedule.signal_scale(t), self.schedule.noise_scale(t))
