"""Levels, DDIM and the noise it starts from."""

import hashlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.diffusion.ancestral import ancestral
from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.dpm_solver import dpm_solver
from cfd_studio.diffusion.prediction import x_from_x
from cfd_studio.diffusion.reference_sampler import reference
from cfd_studio.diffusion.samplers import Move, ddim_step, sample, sampling_levels, starting_noise
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar, reference_alpha_bar

_divided = st.integers(1, 13).flatmap(
    lambda power: st.integers(0, power).flatmap(
        lambda own: st.tuples(st.just(2**power), st.just(2**own), st.integers(1, 2**own))
    )
)


@given(_divided)
def test_levels_start_at_t_end_clean_fall_strictly_and_stay_on_the_models_own_grid(case: tuple[int, int, int]) -> None:
    num_timesteps, own_steps, sampling_steps = case
    levels = sampling_levels(num_timesteps, own_steps, sampling_steps)
    assert len(levels) == sampling_steps + 1
    assert levels[0] == num_timesteps
    assert levels[-1] == 0
    assert all(high > low for high, low in pairwise(levels))
    assert all(level % (num_timesteps // own_steps) == 0 for level in levels)


@given(st.integers(1, 8192).flatmap(lambda own: st.tuples(st.just(own), st.integers(1, own))), st.integers(1, 5))
def test_levels_are_as_even_as_the_models_grid_allows(case: tuple[int, int], stride: int) -> None:
    own_steps, sampling_steps = case
    levels = sampling_levels(stride * own_steps, own_steps, sampling_steps)
    for k, level in enumerate(reversed(levels)):
        assert abs(level - k * stride * own_steps / sampling_steps) <= stride / 2


@pytest.mark.parametrize(("num_timesteps", "own_steps"), [(64, 64), (64, 8), (1024, 4), (1000, 1000), (12, 12)])
def test_levels_are_exact_where_the_number_divides(num_timesteps: int, own_steps: int) -> None:
    for sampling_steps in range(1, own_steps + 1):
        if own_steps % sampling_steps == 0:
            stride = num_timesteps // sampling_steps
            assert sampling_levels(num_timesteps, own_steps, sampling_steps) == list(range(num_timesteps, -1, -stride))


@pytest.mark.parametrize("sampling_steps", [0, 5, 64])
def test_more_steps_than_a_models_own_are_refused(sampling_steps: int) -> None:
    with pytest.raises(AssertionError):
        sampling_levels(64, 4, sampling_steps)


@pytest.mark.parametrize("sampling_steps", [1, 2, 3, 4, 7, 31, 32, 64])
def test_an_oracle_is_returned_exactly_after_any_number_of_steps(sampling_steps: int) -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(64), dtype=torch.float64)
    truth = torch.rand(5, 1, 4, 4, dtype=torch.float64) * 2 - 1
    oracle = Denoiser(lambda z, t: truth, x_from_x, schedule)  # type: ignore[arg-type]
    levels = sampling_levels(64, 64, sampling_steps)
    images = sample(oracle, torch.randn(5, 1, 4, 4, dtype=torch.float64), levels, ddim())
    assert torch.equal(images, truth)
    assert oracle.network_calls == sampling_steps


def test_a_model_of_gaussian_data_follows_the_exact_flow() -> None:
    # For x ~ N(0, s^2) the best x_hat is linear and DDIM with tiny steps keeps the quantile: z_0 = s * z_T / std(z_T).
    num_timesteps, s = 8192, 0.4
    schedule = NoiseSchedule(cosine_alpha_bar(num_timesteps), dtype=torch.float64)

    def best(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
        return signal * s**2 / (signal**2 * s**2 + noise**2) * z

    start = torch.linspace(-2, 2, 16, dtype=torch.float64).view(16, 1, 1, 1)
    levels = sampling_levels(num_timesteps, num_timesteps, num_timesteps // 4)
    images = sample(Denoiser(best, x_from_x, schedule), start, levels, ddim(), clip=False)  # type: ignore[arg-type]
    torch.testing.assert_close(images, s * start, rtol=3e-3, atol=0)


def test_one_step_follows_the_line_of_a_true_estimate() -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(32), dtype=torch.float64)
    x, eps = torch.randn(2, 32, 1, 2, 2, dtype=torch.float64).unbind(0)
    t = torch.arange(1, 33)
    t_next = t // 2
    landed = ddim_step(schedule, schedule.add_noise(x, eps, t), x, t, t_next)
    torch.testing.assert_close(landed, schedule.add_noise(x, eps, t_next), rtol=1e-9, atol=1e-9)


def test_estimates_are_clipped_only_where_asked() -> None:
    schedule = NoiseSchedule.cosine(8)
    wild = Denoiser(lambda z, t: torch.full_like(z, 3.0), x_from_x, schedule)  # type: ignore[arg-type]
    noise = torch.randn(2, 1, 2, 2)
    assert torch.equal(sample(wild, noise, [8, 4, 0], ddim()), torch.ones(2, 1, 2, 2))
    assert torch.equal(sample(wild, noise, [8, 4, 0], ddim(), clip=False), torch.full((2, 1, 2, 2), 3.0))


def test_a_caller_is_asked_before_each_call_and_may_end_early() -> None:
    schedule = NoiseSchedule.cosine(8)
    denoiser = Denoiser(lambda z, t: z, x_from_x, schedule)  # type: ignore[arg-type]
    asked: list[int] = []

    def once() -> None:
        asked.append(denoiser.network_calls)
        if len(asked) == 3:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        sample(denoiser, torch.randn(1, 1, 2, 2), [8, 6, 4, 2, 0], ddim(), on_call=once)
    assert asked == [0, 1, 2]


@given(st.integers(0, 2**63 - 1), st.integers(0, 10_000), st.integers(1, 9), st.integers(0, 8))
def test_the_noise_of_an_image_depends_on_seed_and_index_alone(seed: int, start: int, count: int, split: int) -> None:
    shape = (1, 2, 3)
    whole = starting_noise(seed, start, count, shape)
    assert whole.shape == (count, *shape)
    assert whole.dtype == torch.float32
    split = min(split, count)
    parts = [starting_noise(seed, start, split, shape), starting_noise(seed, start + split, count - split, shape)]
    assert torch.equal(whole, torch.cat(parts))
    assert torch.equal(whole[-1:], starting_noise(seed, start + count - 1, 1, shape))


def test_noise_is_the_same_on_every_machine() -> None:
    noise = starting_noise(7, 0, 4, (1, 8, 8))
    reference = np.random.Generator(np.random.Philox(key=[7, 2])).standard_normal((1, 8, 8), dtype=np.float32)
    np.testing.assert_array_equal(noise[2].numpy(), reference)
    digest = hashlib.sha256(noise.numpy().astype("<f4").tobytes()).hexdigest()
    assert digest == "9334008a94c1b553693664d4cba75441aff7de765dd2f9cccaace59f123d4516"


def test_noise_is_standard_normal_and_touches_no_global_generator() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    noise = starting_noise(0, 0, 2000, (1, 8, 8)).double()
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])
    assert abs(noise.mean().item()) < 0.01
    assert noise.std().item() == pytest.approx(1, abs=0.01)
    assert len({row.numpy().tobytes() for row in noise}) == 2000


@pytest.mark.parametrize("move", [ddim(), ddim(0.5), ddim(1.0), ancestral, dpm_solver, reference])
@pytest.mark.parametrize("table", [cosine_alpha_bar, reference_alpha_bar])
@pytest.mark.parametrize("num_timesteps", [8, 8192])
def test_every_sampler_works_at_both_ends_of_the_shortest_and_the_longest_table(
    num_timesteps: int, table: Callable[[int], torch.Tensor], move: Move
) -> None:
    schedule = NoiseSchedule(table(num_timesteps), dtype=torch.float32)
    left = float(schedule.noise_scale(torch.tensor([0])))  # what a noisy level 0 leaves in the image
    denoiser = Denoiser(lambda z, t: torch.sin(3 * z), x_from_x, schedule)  # type: ignore[arg-type]
    neighbours = [num_timesteps, *range(7, -1, -1)]
    for levels in (neighbours, *(sampling_levels(num_timesteps, num_timesteps, steps) for steps in (1, 2, 3, 8))):
        images = sample(denoiser, starting_noise(0, 0, 5, (1, 4, 4)), levels, move)
        assert torch.isfinite(images).all()
        assert images.abs().max() <= 1 + 5 * left
