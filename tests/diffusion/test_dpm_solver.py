"""DPM-Solver++ (2M) against the exact flow of normal data, against its paper, and at the ends of the tables."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.dpm_solver import dpm_solver
from cfd_studio.diffusion.prediction import x_from_x
from cfd_studio.diffusion.samplers import Move, sample, sampling_levels
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar, reference_alpha_bar

SPREAD = 0.4


def _schedule(num_timesteps: int) -> NoiseSchedule:
    return NoiseSchedule(cosine_alpha_bar(num_timesteps), dtype=torch.float64)


def _best(schedule: NoiseSchedule) -> Denoiser:
    """Return E[x | z] of data from N(0, SPREAD^2)."""

    def estimate(z: Tensor, t: Tensor) -> Tensor:
        signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
        return signal * SPREAD**2 / (signal**2 * SPREAD**2 + noise**2) * z

    return Denoiser(estimate, x_from_x, schedule)  # type: ignore[arg-type]


def _error(move: Move, steps: int) -> float:
    """Return how far a sampler ends from the exact flow between two levels where the schedule is smooth."""
    schedule = _schedule(8192)
    levels = [6144 - 4096 * k // steps for k in range(steps + 1)]
    start = torch.linspace(-2, 2, 9, dtype=torch.float64).view(9, 1, 1, 1)
    # The flow keeps the quantile: z scales as the deviation of z_t, which is that of signal x plus noise.
    first, last = (math.sqrt(a * SPREAD**2 + 1 - a) for a in schedule.alpha_bar[[levels[0], levels[-1]]].tolist())
    ended = sample(_best(schedule), start, levels, move, clip=False)
    return float((ended - last / first * start).abs().max())


@pytest.mark.parametrize(("move", "order"), [(ddim(), 1), (dpm_solver, 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(move: Move, order: int) -> None:
    errors = [_error(move, steps) for steps in (32, 64, 128)]
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("steps", [4, 8, 16])
def test_few_steps_end_nearer_to_the_exact_flow_than_ddims(steps: int) -> None:
    assert _error(dpm_solver, steps) < 0.5 * _error(ddim(), steps)


def _wavy(schedule: NoiseSchedule) -> Denoiser:
    def estimate(z: Tensor, t: Tensor) -> Tensor:
        return torch.sin(3 * z + (t / schedule.num_timesteps).view(-1, 1, 1, 1).to(z))

    return Denoiser(estimate, x_from_x, schedule)  # type: ignore[arg-type]


@pytest.mark.parametrize(("num_timesteps", "steps"), [(8, 8), (64, 5), (1024, 12)])
@pytest.mark.parametrize("table", [cosine_alpha_bar, reference_alpha_bar])
def test_it_is_algorithm_2_of_the_paper(table: Callable[[int], Tensor], num_timesteps: int, steps: int) -> None:
    schedule = NoiseSchedule(table(num_timesteps), dtype=torch.float64)
    denoiser, levels = _wavy(schedule), sampling_levels(num_timesteps, num_timesteps, steps)
    noise = torch.randn(3, 1, 4, 4, dtype=torch.float64)
    signal, sigma = schedule.alpha_bar.sqrt(), (1 - schedule.alpha_bar).sqrt()
    lam = torch.log(signal) - torch.log(sigma)

    def x_theta(x: Tensor, level: int) -> Tensor:
        return denoiser(x, torch.full((3,), level))

    # Lines 1 to 11, in the paper's words: x_i, Q as a list of estimates, t_0 = T.
    x, q = noise, [x_theta(noise, levels[0])]
    h_before = 0.0
    for i in range(1, steps + 1):
        here, there = levels[i - 1], levels[i]
        h = float(lam[there] - lam[here])
        d = q[-1]
        if 1 < i < steps:
            r = h_before / h
            d = (1 + 1 / (2 * r)) * q[-1] - 1 / (2 * r) * q[-2]
        x = sigma[there] / sigma[here] * x - signal[there] * math.expm1(-h) * d
        h_before = h
        if i < steps:
            q.append(x_theta(x, there))
    drawn = sample(denoiser, noise, levels, dpm_solver, clip=False)
    torch.testing.assert_close(drawn, x, rtol=1e-9, atol=1e-9)


def test_one_step_and_the_first_of_several_are_ddims_bit_by_bit() -> None:
    schedule = NoiseSchedule.cosine(64)
    denoiser, noise = _wavy(schedule), torch.randn(4, 1, 3, 3)
    for levels in ([64, 0], [64, 32], [40, 16, 0]):
        solved, straight = (sample(denoiser, noise, levels, move) for move in (dpm_solver, ddim()))
        # Of two steps the second goes into level 0, which is of first order too.
        assert torch.equal(solved, straight)
    assert not torch.equal(*(sample(denoiser, noise, [60, 40, 20, 0], move) for move in (dpm_solver, ddim())))


def test_an_oracle_is_returned_exactly() -> None:
    truth = torch.rand(5, 1, 4, 4, dtype=torch.float64) * 2 - 1
    oracle = Denoiser(lambda z, t: truth, x_from_x, _schedule(64))  # type: ignore[arg-type]
    images = sample(oracle, torch.randn_like(truth), sampling_levels(64, 64, 10), dpm_solver)
    assert torch.equal(images, truth)
    assert oracle.network_calls == 10
