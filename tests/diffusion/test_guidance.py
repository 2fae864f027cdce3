"""Classifier-free guidance: what it adds, what it costs, and what a student learns of it."""

import pytest
import torch
from torch import Tensor

from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.guidance import GuidedDenoiser, guided
from cfd_studio.diffusion.prediction import eps_from_x, x_from_eps, x_from_x
from cfd_studio.diffusion.progressive import two_step_target
from cfd_studio.diffusion.samplers import sample
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar

MEANS = torch.tensor([-0.6, 0.1, 0.7], dtype=torch.float64)
SPREAD = 0.2


def _schedule() -> NoiseSchedule:
    return NoiseSchedule(cosine_alpha_bar(16), dtype=torch.float64)


def _posterior_mean(schedule: NoiseSchedule, z: Tensor, t: Tensor, mean: Tensor, spread: float) -> Tensor:
    signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
    gain = signal * spread**2 / (signal**2 * spread**2 + noise**2)
    return mean + gain * (z - signal * mean)


def _exact(schedule: NoiseSchedule) -> Denoiser:
    """Return the exact denoiser of pixels from N(MEANS[class], SPREAD^2); without a class, from N(0, 0.5^2)."""

    def network(z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        told = _posterior_mean(schedule, z, t, MEANS[labels.clamp(min=0)].view(-1, 1, 1, 1), SPREAD)
        untold = _posterior_mean(schedule, z, t, torch.zeros(len(z), 1, 1, 1).double(), 0.5)
        return torch.where((labels >= 0).view(-1, 1, 1, 1), told, untold)

    return Denoiser(network, x_from_x, schedule)  # type: ignore[arg-type]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Return noisy images, levels, and classes of which some are hidden."""
    return torch.randn(12, 1, 4, 4).double(), 4 * (1 + torch.arange(12) % 4), torch.arange(12) % 4 - 1


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
def test_it_exaggerates_what_the_class_adds_and_costs_a_second_call(
    weight: float, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    z, t, labels = batch
    plain = _exact(_schedule())
    model = guided(plain, weight)
    x_label, x_null = plain(z, t, labels), plain(z, t, torch.full_like(labels, -1))
    x_hat = model(z, t, labels)
    torch.testing.assert_close(x_hat, (1 - weight) * x_null + weight * x_label)
    assert model.network_calls == 2
    hidden = labels == -1
    assert torch.equal(x_hat[hidden], x_null[hidden])
    assert not torch.equal(x_hat[~hidden], x_label[~hidden])


def test_weight_one_is_the_model_itself(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    plain = _exact(_schedule())
    assert guided(plain, 1.0) is plain
    plain(*batch)
    assert plain.network_calls == 1


def test_guiding_the_image_is_guiding_the_noise_as_the_paper_does(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    z, t, labels = batch
    schedule, w = _schedule(), 1.5
    plain = _exact(schedule)
    signal, noise = schedule.signal_scale(t), schedule.noise_scale(t)
    eps_label = eps_from_x(plain(z, t, labels), z, signal, noise)
    eps_null = eps_from_x(plain(z, t, torch.full_like(labels, -1)), z, signal, noise)
    eps = (1 + w) * eps_label - w * eps_null  # eq. 6
    torch.testing.assert_close(guided(plain, 1 + w)(z, t, labels), x_from_eps(eps, z, signal, noise))


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_a_students_target_is_that_of_the_exactly_guided_teacher(
    weight: float, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    z, t, labels = batch
    schedule = _schedule()

    def by_hand(z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        x_null = _posterior_mean(schedule, z, t, torch.zeros(len(z), 1, 1, 1).double(), 0.5)
        x_label = _posterior_mean(schedule, z, t, MEANS[labels.clamp(min=0)].view(-1, 1, 1, 1), SPREAD)
        mixed = (1 - weight) * x_null + weight * x_label
        return torch.where((labels == -1).view(-1, 1, 1, 1), x_null, mixed)

    levels = (t, t - 2, t - 4)
    teacher = guided(_exact(schedule), weight)
    target = two_step_target(teacher, z, *levels, labels=labels)
    expected = two_step_target(Denoiser(by_hand, x_from_x, schedule), z, *levels, labels=labels)  # type: ignore[arg-type]
    torch.testing.assert_close(target, expected)
    assert teacher.network_calls == (2 if weight == 1 else 4)
    plain = two_step_target(_exact(schedule), z, *levels, labels=labels)
    hidden = labels == -1
    assert torch.equal(target[hidden], plain[hidden])
    assert torch.equal(target, plain) == (weight == 1)


def test_guided_samples_move_away_from_the_other_classes() -> None:
    schedule = _schedule()
    noise, labels = torch.randn(500, 1, 1, 1).double(), torch.full((500,), 2)
    levels = list(range(16, -1, -1))
    means = [
        float(sample(guided(_exact(schedule), w), noise, levels, ddim(), labels=labels, clip=False).mean())
        for w in (0.0, 1.0, 2.0)
    ]
    assert means[0] < 0.1 < means[1] < means[2]
    assert means[1] == pytest.approx(0.7, abs=0.05)


def test_guidance_without_classes_is_a_mistake(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    z, t, _ = batch
    with pytest.raises(AssertionError):
        GuidedDenoiser(_exact(_schedule()), 2.0)(z, t)
