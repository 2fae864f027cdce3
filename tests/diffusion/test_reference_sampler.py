"""The sampler of the published code: clipped where it clips, at the levels it visits."""

import torch
from torch import Tensor

from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_v
from cfd_studio.diffusion.reference_sampler import reference
from cfd_studio.diffusion.samplers import sample, sampling_levels
from cfd_studio.diffusion.schedule import NoiseSchedule


def _wild(schedule: NoiseSchedule) -> Denoiser:
    return Denoiser(lambda z, t: torch.cos(5 * z) - 2 * z, x_from_v, schedule)  # type: ignore[arg-type]


def test_it_does_what_the_published_code_does() -> None:
    schedule = NoiseSchedule.cosine(64, clean_end=False)
    noise = 2 * torch.randn(16, 1, 4, 4)
    # METHOD: level T down to 0 in strides, x_hat clipped, eps from the clipped x_hat, the result clipped.
    signal, sigma = schedule.alpha_bar.sqrt().float(), (1 - schedule.alpha_bar).sqrt().float()
    z: Tensor = noise
    for t in range(64, 0, -4):
        v = torch.cos(5 * z) - 2 * z
        x = (signal[t] * z - sigma[t] * v).clamp(-1, 1)
        eps = (z - signal[t] * x) / sigma[t]
        z = signal[t - 4] * x + sigma[t - 4] * eps
    assert z.abs().max() > 1  # level 0 is noisy: the last clipping has something to do
    levels = sampling_levels(64, 16, 16)
    for clip in (True, False):
        drawn = sample(_wild(schedule), noise, levels, reference, clip=clip)
        torch.testing.assert_close(drawn, z.clamp(-1, 1), rtol=1e-4, atol=1e-5)
        assert drawn.abs().max() == 1


def test_on_a_clean_end_it_is_ddim_with_clipped_estimates() -> None:
    schedule, noise = NoiseSchedule.cosine(32), torch.randn(8, 1, 4, 4)
    levels = sampling_levels(32, 32, 8)
    expected = sample(_wild(schedule), noise, levels, ddim())
    assert torch.equal(sample(_wild(schedule), noise, levels, reference, clip=False), expected)
