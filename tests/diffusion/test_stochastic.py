"""Samplers that draw fresh noise: their steps against the posterior of Ho et al. 2020, their samples against the data.

For data of N(mean, s^2) the best estimate of the image is linear in z, so that every distribution on the way is normal
and its mean and variance follow from those of the start.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from cfd_studio.diffusion.ancestral import ancestral
from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_x
from cfd_studio.diffusion.samplers import Move, Step, ddim_step, sample, sampling_levels, starting_noise
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar

MEAN = torch.tensor([0.3, -0.5]).double().view(1, 2, 1, 1)
SPREAD = torch.tensor([0.2, 0.6]).double().view(1, 2, 1, 1)


def _schedule(num_timesteps: int) -> NoiseSchedule:
    return NoiseSchedule(cosine_alpha_bar(num_timesteps), dtype=torch.float64)


def _best(schedule: NoiseSchedule) -> Denoiser:
    """Return E[x | z] of two channels of N(MEAN, SPREAD^2)."""

    def estimate(z: Tensor, t: Tensor) -> Tensor:
        signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
        gain = signal * SPREAD**2 / (signal**2 * SPREAD**2 + noise**2)
        return MEAN + gain * (z - signal * MEAN)

    return Denoiser(estimate, x_from_x, schedule)  # type: ignore[arg-type]


def _posterior(schedule: NoiseSchedule, level: int, next_level: int) -> tuple[float, float, float, float]:
    """Return what q(z' | z, x) makes of x and of z, its variance, and beta (Ho et al. 2020, eq. 6 and 7).

    Found by conditioning the joint normal distribution of z' and z on z, not by the formulas of the paper.
    """
    kept, kept_next = (float(schedule.alpha_bar[i]) for i in (level, next_level))
    # z' = sqrt(a') x + sqrt(1 - a') e', z = sqrt(a / a') z' + sqrt(1 - a / a') e
    ratio = math.sqrt(kept / kept_next)
    variance_next, variance = 1 - kept_next, 1 - kept
    gain = ratio * variance_next / variance
    return (
        math.sqrt(kept_next) - gain * math.sqrt(kept),
        gain,
        variance_next - gain * ratio * variance_next,
        1 - kept / kept_next,
    )


def _step(schedule: NoiseSchedule, level: int, next_level: int, fresh: Callable[[], Tensor]) -> Step:
    z, x_hat = torch.randn(2, 5, 1, 3, 3, dtype=torch.float64).unbind(0)
    return Step(schedule, level, next_level, z, x_hat, None, fresh)


LEVELS = [(8, 8, 4), (8, 2, 1), (1024, 1024, 768), (1024, 256, 0), (8192, 8192, 8191), (8192, 2, 1)]


@pytest.mark.parametrize(("num_timesteps", "level", "next_level"), LEVELS)
def test_one_step_draws_from_the_posterior_with_the_variance_it_promises(
    num_timesteps: int, level: int, next_level: int
) -> None:
    schedule = _schedule(num_timesteps)
    of_image, of_noisy, smaller, larger = _posterior(schedule, level, next_level)
    for move, variance in ((ddim(1.0), smaller), (ancestral, larger if next_level else 0.0)):
        silent = _step(schedule, level, next_level, lambda: torch.zeros(5, 1, 3, 3, dtype=torch.float64))
        mean = of_image * silent.x_hat + of_noisy * silent.z
        torch.testing.assert_close(move(silent), mean, rtol=1e-9, atol=1e-9)
        loud = Step(schedule, level, next_level, silent.z, silent.x_hat, None, partial(torch.ones_like, silent.z))
        added = torch.full_like(mean, math.sqrt(max(variance, 0.0)))
        torch.testing.assert_close(move(loud) - mean, added, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("num_timesteps", "level", "next_level"), LEVELS)
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_keeps_the_noise_of_the_schedule_whatever_eta(
    eta: float, num_timesteps: int, level: int, next_level: int
) -> None:
    # The noise that remains and the fresh one are independent: their variances add up to 1 - alpha_bar.
    schedule = _schedule(num_timesteps)
    x_hat, eps = torch.zeros(1, 1, 1, 1).double(), torch.ones(1, 1, 1, 1).double()
    z = float(1 - schedule.alpha_bar[level]) ** 0.5 * eps
    carried = ddim(eta)(Step(schedule, level, next_level, z, x_hat, None, lambda: torch.zeros_like(z)))
    both = ddim(eta)(Step(schedule, level, next_level, z, x_hat, None, lambda: torch.ones_like(z)))
    fresh = both - carried
    assert float(carried**2 + fresh**2) == pytest.approx(float(1 - schedule.alpha_bar[next_level]), rel=1e-9, abs=1e-15)
    posterior = _posterior(schedule, level, next_level)[2]  # eta scales its deviation
    assert float(fresh) == pytest.approx(eta * max(posterior, 0.0) ** 0.5, rel=1e-6, abs=1e-9)


def test_ddim_without_eta_is_the_straight_step_bit_by_bit_and_draws_nothing() -> None:
    def never() -> Tensor:
        raise AssertionError("no fresh noise was wanted")

    schedule = NoiseSchedule.cosine(64)
    z, x_hat = torch.randn(2, 5, 3, 4, 4).unbind(0)
    for level, next_level in ((64, 32), (17, 16), (1, 0)):
        t = torch.full((5,), level)
        expected = ddim_step(schedule, z, x_hat, t, torch.full_like(t, next_level))
        assert torch.equal(ddim()(Step(schedule, level, next_level, z, x_hat, None, never)), expected)
    last = Step(schedule, 1, 0, z, x_hat, None, never)
    torch.testing.assert_close(ddim(1.0)(last), x_hat)
    torch.testing.assert_close(ancestral(last), x_hat)


def _expected_moments(schedule: NoiseSchedule, levels: list[int], *, larger: bool) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the samples: each step is linear in z, plus noise."""
    mean, variance = torch.zeros_like(MEAN), torch.ones_like(MEAN)
    for level, next_level in pairwise(levels):
        of_image, of_noisy, posterior, beta = _posterior(schedule, level, next_level)
        signal, noise = float(schedule.alpha_bar[level]) ** 0.5, float(1 - schedule.alpha_bar[level]) ** 0.5
        gain = signal * SPREAD**2 / (signal**2 * SPREAD**2 + noise**2)
        slope = of_image * gain + of_noisy
        mean = slope * mean + of_image * (1 - gain * signal) * MEAN
        variance = slope**2 * variance + (0 if not next_level else beta if larger else posterior)
    return mean, variance


@pytest.mark.parametrize(("name", "move"), [("eta 1", ddim(1.0)), ("ancestral", ancestral)])
@pytest.mark.parametrize("sampling_steps", [2, 16, 256])
def test_samples_of_an_exact_teacher_have_the_mean_and_variance_of_the_chain(
    name: str, move: Move, sampling_steps: int
) -> None:
    count, schedule = 4000, _schedule(256)
    levels = sampling_levels(256, 256, sampling_steps)
    noise = torch.randn(count, 2, 1, 1, dtype=torch.float64)

    def chain() -> Tensor:
        z = noise
        for level, next_level in pairwise(levels):
            x_hat = _best(schedule)(z, torch.full((count,), level))
            z = move(Step(schedule, level, next_level, z, x_hat, None, partial(torch.randn_like, z)))
        return z

    images = chain()
    mean, variance = _expected_moments(schedule, levels, larger=name == "ancestral")
    error = (variance / count).sqrt()  # of a mean; that of a variance is sqrt(2 / count) of it
    assert ((images.mean(0, keepdim=True) - mean).abs() < 5 * error).all()
    spread = images.var(0, keepdim=True)
    assert ((spread / variance - 1).abs() < 5 * math.sqrt(2 / count)).all()
    if sampling_steps == 256:  # enough steps end at the data
        assert ((images.mean(0, keepdim=True) - MEAN).abs() < 0.03).all()
        assert ((spread / SPREAD**2 - 1).abs() < 0.2).all()
    covariance = torch.corrcoef(images.flatten(1).T)[0, 1]
    assert abs(float(covariance)) < 5 / math.sqrt(count)


def test_fresh_noise_depends_on_seed_image_and_step_alone() -> None:
    schedule = NoiseSchedule.cosine(16)
    denoiser = Denoiser(lambda z, t: 0.5 * z, x_from_x, schedule)  # type: ignore[arg-type]
    levels, shape = sampling_levels(16, 16, 8), (1, 3, 3)
    for move in (ddim(0.7), ancestral):
        whole = sample(denoiser, starting_noise(4, 0, 6, shape), levels, move, seed=4)
        for first, count in ((0, 2), (2, 1), (3, 3)):
            part = sample(denoiser, starting_noise(4, first, count, shape), levels, move, seed=4, start=first)
            assert torch.equal(whole[first : first + count], part)
        other = sample(denoiser, starting_noise(4, 0, 6, shape), levels, move, seed=5)
        assert not torch.equal(whole, other)
    drawn: list[Tensor] = []

    def listen(step: Step) -> Tensor:
        drawn.append(step.fresh())
        return step.z

    sample(denoiser, starting_noise(4, 1, 2, shape), levels, listen, seed=4, start=1)
    for index, fresh in enumerate(drawn, start=1):
        assert torch.equal(fresh, starting_noise(4, 1, 2, shape, step=index))
    steps = [starting_noise(4, 2, 1, shape, step=step) for step in range(5)]
    assert len({step.numpy().tobytes() for step in steps}) == 5
    assert torch.equal(steps[3], starting_noise(4, 1, 3, shape, step=3)[1:2])
