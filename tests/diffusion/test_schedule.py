"""The table of noise levels against its closed form."""

import math

import numpy as np
import pytest
import torch

from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar, reference_alpha_bar

TIMESTEPS = [8, 16, 64, 1000, 1024, 8192]


@pytest.mark.parametrize("num_timesteps", TIMESTEPS)
def test_alpha_bar_is_the_closed_form_up_to_the_capped_last_level(num_timesteps: int) -> None:
    table = cosine_alpha_bar(num_timesteps).numpy()
    u = np.arange(num_timesteps + 1, dtype=np.longdouble) / num_timesteps
    f = np.cos((u + np.longdouble("0.008")) / np.longdouble("1.008") * np.longdouble(math.pi) / 2) ** 2
    np.testing.assert_allclose(table[:-1], (f / f[0]).astype(np.float64)[:-1], rtol=1e-9)
    assert len(table) == num_timesteps + 1


@pytest.mark.parametrize("num_timesteps", TIMESTEPS)
def test_the_clean_end_is_exact_the_table_falls_and_the_last_beta_is_capped(num_timesteps: int) -> None:
    table = cosine_alpha_bar(num_timesteps)
    assert table.dtype == torch.float64
    assert table[0] == 1.0
    assert (table.diff() < 0).all()
    assert table[-1] > 0
    betas = 1 - table[1:] / table[:-1]
    assert betas[-1] == pytest.approx(0.999, abs=1e-12)
    assert (betas[:-1] < 0.999).all()


@pytest.mark.parametrize("num_timesteps", TIMESTEPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_signal_is_left_at_the_last_level_and_nothing_is_nan(num_timesteps: int, dtype: torch.dtype) -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(num_timesteps), dtype=dtype)
    t = torch.arange(num_timesteps + 1)
    signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
    assert signal.shape == noise.shape == (num_timesteps + 1, 1, 1, 1)
    assert signal.dtype == noise.dtype == dtype
    assert signal[-1] > 0
    assert noise[0] == 0
    assert signal[0] == 1
    assert torch.isfinite(torch.cat([signal, noise])).all()
    # Variance preserving at every level.
    tolerance = 1e-14 if dtype == torch.float64 else 2e-7
    torch.testing.assert_close(signal**2 + noise**2, torch.ones_like(signal), rtol=0, atol=tolerance)


def test_one_table_serves_the_whole_lineage_with_the_amplification_that_the_method_names() -> None:
    for num_timesteps, factor in ((1024, 20_798), (64, 1_319)):
        alpha_bar = cosine_alpha_bar(num_timesteps)
        assert 1 / alpha_bar[-1].sqrt().item() == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize("num_timesteps", TIMESTEPS)
def test_the_reference_schedule_is_its_closed_form_one_step_into_the_noise(num_timesteps: int) -> None:
    table = reference_alpha_bar(num_timesteps).numpy()
    u = np.arange(num_timesteps + 2, dtype=np.longdouble) / (num_timesteps + 1)
    f = np.cos((u + np.longdouble("0.008")) / np.longdouble("1.008") * np.longdouble(math.pi) / 2) ** 2
    np.testing.assert_allclose(table[:-1], (f / f[0]).astype(np.float64)[1:-1], rtol=1e-9)
    assert table[-1] == pytest.approx(0.001 * table[-2], rel=1e-12)
    assert (np.diff(table) < 0).all()
    schedule = NoiseSchedule.cosine(num_timesteps, clean_end=False)
    assert schedule.lowest_noisy == 0
    assert NoiseSchedule.cosine(num_timesteps).lowest_noisy == 1


def test_the_noise_that_the_reference_leaves_in_its_images_is_what_the_method_names() -> None:
    for num_timesteps, left in ((1024, 0.0063), (64, 0.034)):
        noise = NoiseSchedule.cosine(num_timesteps, clean_end=False).noise_scale(torch.tensor([0]))
        assert noise.item() == pytest.approx(left, rel=0.02)


def test_log_snr_and_ratio_belong_to_alpha_bar() -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(64), dtype=torch.float64)
    alpha_bar = schedule.alpha_bar[1:]
    torch.testing.assert_close(schedule.log_snr[1:], torch.log(alpha_bar / (1 - alpha_bar)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(schedule.noise_to_signal[1:], torch.exp(-schedule.log_snr[1:] / 2), rtol=1e-12, atol=0)
    assert schedule.log_snr[0] == torch.inf
    assert schedule.noise_to_signal[0] == 0
    assert (schedule.log_snr.diff() < 0).all()
    t = torch.arange(1, 65)
    torch.testing.assert_close(schedule.snr(t), torch.exp(schedule.log_snr[t]), rtol=1e-12, atol=0)
    assert schedule.snr(t).shape == (64,)


def test_noise_is_added_level_by_level() -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(16), dtype=torch.float64)
    x, eps = torch.randn(2, 17, 1, 2, 2, dtype=torch.float64).unbind(0)
    t = torch.arange(17)
    z = schedule.add_noise(x, eps, t)
    assert torch.equal(z[0], x[0])
    for level in range(17):
        a = schedule.alpha_bar[level]
        torch.testing.assert_close(z[level], a.sqrt() * x[level] + (1 - a).sqrt() * eps[level])
