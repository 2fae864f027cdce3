"""x, eps and v, each from the others."""

import pytest
import torch

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import eps_from_x, v_from_x, x_from_eps, x_from_v, x_from_x
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar


@pytest.fixture(params=[8, 64, 1024])
def noisy(request: pytest.FixtureRequest) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(request.param)
    schedule = NoiseSchedule(cosine_alpha_bar(request.param), dtype=torch.float64)
    t = torch.arange(1, request.param + 1)
    shape = (request.param, 1, 3, 3)
    x = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1
    eps = torch.randn(shape, generator=generator, dtype=torch.float64)
    signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
    return {"x": x, "eps": eps, "signal": signal, "noise": noise, "z": schedule.add_noise(x, eps, t)}


def test_v_round_trip(noisy: dict[str, torch.Tensor]) -> None:
    v = noisy["signal"] * noisy["eps"] - noisy["noise"] * noisy["x"]
    scales = noisy["z"], noisy["signal"], noisy["noise"]
    torch.testing.assert_close(x_from_v(v, *scales), noisy["x"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(v_from_x(noisy["x"], *scales), v, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(x_from_v(v_from_x(noisy["x"], *scales), *scales), noisy["x"], rtol=1e-12, atol=1e-12)


def test_eps_round_trip(noisy: dict[str, torch.Tensor]) -> None:
    scales = noisy["z"], noisy["signal"], noisy["noise"]
    torch.testing.assert_close(x_from_eps(noisy["eps"], *scales), noisy["x"], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(eps_from_x(x_from_eps(noisy["eps"], *scales), *scales), noisy["eps"])


def test_x_round_trip(noisy: dict[str, torch.Tensor]) -> None:
    scales = noisy["z"], noisy["signal"], noisy["noise"]
    assert torch.equal(x_from_x(noisy["x"], *scales), noisy["x"])
    torch.testing.assert_close(eps_from_x(noisy["x"], *scales), noisy["eps"], rtol=1e-9, atol=1e-9)


def test_a_denoiser_gives_the_image_of_what_its_network_means_and_counts_its_calls() -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(16), dtype=torch.float64)
    x, eps = torch.randn(2, 16, 1, 2, 2, dtype=torch.float64).unbind(0)
    t = torch.arange(1, 17)
    z = schedule.add_noise(x, eps, t)
    v = schedule.signal_scale(t) * eps - schedule.noise_scale(t) * x
    for output, to_image in ((x, x_from_x), (eps, x_from_eps), (v, x_from_v)):
        denoiser = Denoiser(lambda z, t, output=output: output, to_image, schedule)  # type: ignore[arg-type, misc]
        torch.testing.assert_close(denoiser(z, t), x, rtol=1e-9, atol=1e-9)
        denoiser(z, t)
        assert denoiser.network_calls == 2


def test_what_a_network_says_in_half_precision_is_widened_before_any_arithmetic() -> None:
    schedule = NoiseSchedule.cosine(16)
    t = torch.full((2,), 8)
    z = torch.randn(2, 1, 2, 2)
    output = torch.randn(2, 1, 2, 2).bfloat16()
    x_hat = Denoiser(lambda z, t: output, x_from_v, schedule)(z, t)  # type: ignore[arg-type]
    assert x_hat.dtype == torch.float32
    assert torch.equal(x_hat, schedule.signal_scale(t) * z - schedule.noise_scale(t) * output.float())
