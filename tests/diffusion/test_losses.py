"""Weights and divergences against what they are defined to be."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.diffusion.feature import (
    feature_divergence,
    mean_prediction,
    negative_diversity,
    prediction_entropy,
)
from cfd_studio.diffusion.prediction import eps_from_x, v_from_x
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar
from cfd_studio.diffusion.weighting import constant, snr, snr_plus_one, truncated_snr, weighted_squared_errors


def test_the_truncated_weight_gives_the_larger_of_x_error_and_eps_error() -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(64), dtype=torch.float64)
    t = torch.arange(1, 65)
    x, eps, x_hat = torch.randn(3, 64, 1, 3, 3, dtype=torch.float64).unbind(0)
    z = schedule.add_noise(x, eps, t)
    eps_hat = eps_from_x(x_hat, z, schedule.signal_scale(t), schedule.noise_scale(t))
    x_error = (x_hat - x).square().flatten(1).mean(1)
    eps_error = (eps_hat - eps).square().flatten(1).mean(1)
    weighted = truncated_snr(schedule, t) * x_error
    torch.testing.assert_close(weighted, torch.maximum(x_error, eps_error), rtol=1e-9, atol=0)
    mean = weighted_squared_errors(x_hat, x, truncated_snr(schedule, t)).mean()
    torch.testing.assert_close(mean, torch.maximum(x_error, eps_error).mean(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("num_timesteps", [8, 64, 1024])
def test_the_other_weights_give_the_errors_that_they_are_named_for(num_timesteps: int) -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(num_timesteps), dtype=torch.float64)
    t = torch.arange(1, num_timesteps + 1)
    x, eps, x_hat = torch.randn(3, num_timesteps, 1, 3, 3, dtype=torch.float64).unbind(0)
    scales = schedule.add_noise(x, eps, t), schedule.signal_scale(t), schedule.noise_scale(t)
    eps_error = (eps_from_x(x_hat, *scales) - eps).square().flatten(1).mean(1)
    v_error = (v_from_x(x_hat, *scales) - v_from_x(x, *scales)).square().flatten(1).mean(1)
    x_error = (x_hat - x).square().flatten(1).mean(1)
    torch.testing.assert_close(snr(schedule, t) * x_error, eps_error, rtol=1e-8, atol=0)
    torch.testing.assert_close(snr_plus_one(schedule, t) * x_error, v_error, rtol=1e-8, atol=0)
    torch.testing.assert_close(constant(schedule, t) * x_error, x_error, rtol=0, atol=0)


def test_the_truncated_weight_is_finite_and_at_least_one() -> None:
    schedule = NoiseSchedule.cosine(1024)
    weight = truncated_snr(schedule, torch.arange(1, 1025))
    assert weight.shape == (1024,)
    assert torch.isfinite(weight).all()
    assert weight.min() == 1


def test_the_pixel_error_of_an_image_is_the_weighted_mean_over_its_pixels() -> None:
    x_hat, target = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    assert weighted_squared_errors(x_hat, target, torch.tensor([1.0, 5.0])).tolist() == [1.0, 5.0]


def _softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 40), st.floats(0.2, 5.0))
def test_the_divergence_against_numpy(seed: int, batch: int, features: int, temperature: float) -> None:
    draw = np.random.default_rng(seed)
    teacher, student = draw.gamma(1.0, 2.0, (2, batch, features))
    p, q = _softmax(teacher / temperature), _softmax(student)
    expected = (p * np.log(p / q)).sum(axis=1).mean()
    got = feature_divergence(torch.from_numpy(teacher).float(), torch.from_numpy(student).float(), temperature)
    assert got.shape == ()
    assert got.item() == pytest.approx(expected, rel=2e-4, abs=1e-6)
    assert got.item() > -1e-6


def test_the_divergence_is_zero_where_both_agree_at_temperature_one_and_only_there() -> None:
    features = torch.rand(4, 64) * 5
    assert abs(feature_divergence(features, features, 1.0).item()) < 1e-6
    assert feature_divergence(features, features, 0.9).item() > 1e-4
    assert feature_divergence(features, features + 3.0, 1.0).item() < 1e-5  # a softmax does not see a shift
    assert feature_divergence(features, features.flip(1), 1.0).item() > 0.1


def test_the_temperature_divides_the_teacher_alone() -> None:
    teacher, student = torch.rand(2, 5, 16).unbind(0)
    torch.testing.assert_close(
        feature_divergence(teacher, student, 0.5), feature_divergence(teacher / 0.5, student, 1.0), rtol=1e-5, atol=1e-7
    )
    assert not torch.allclose(
        feature_divergence(teacher, student, 0.5), feature_divergence(teacher, student / 0.5, 1.0), rtol=1e-3
    )


def test_sharpening_pushes_the_feature_contrast_up() -> None:
    features = torch.tensor([[0.0, 1.0, 2.0]])
    student = features.clone().requires_grad_()
    feature_divergence(features, student, 0.5).backward()
    assert student.grad is not None
    assert student.grad[0, 2] < 0 < student.grad[0, 0]  # the largest feature is to grow, the smallest to fall


def test_the_gradient_reaches_only_the_student_and_is_the_difference_of_the_distributions() -> None:
    teacher = torch.rand(6, 10, requires_grad=True)
    student = torch.rand(6, 10, requires_grad=True)
    feature_divergence(teacher, student, 0.9).backward()
    assert teacher.grad is None
    expected = (student.softmax(1) - (teacher / 0.9).softmax(1)) / 6
    torch.testing.assert_close(student.grad, expected.detach(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_huge_features_stay_finite(size: float) -> None:
    teacher = torch.rand(3, 8) * size
    student = (torch.rand(3, 8) * size).requires_grad_()
    value = feature_divergence(teacher, student, 0.9)
    value.backward()
    assert torch.isfinite(value)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


def test_half_precision_features_are_compared_in_float32() -> None:
    teacher, student = torch.rand(2, 3, 8).bfloat16().unbind(0)
    value = feature_divergence(teacher, student, 0.9)
    assert value.dtype == torch.float32
    assert value == feature_divergence(teacher.float(), student.float(), 0.9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 10), st.floats(0.1, 300.0))
def test_entropy_and_diversity_against_numpy_also_where_a_softmax_underflows(
    seed: int, batch: int, classes: int, scale: float
) -> None:
    logits = np.random.default_rng(seed).normal(0.0, scale, (batch, classes))
    p = _softmax(logits)
    log_p = logits - logits.max(1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(1, keepdims=True))
    tensor = torch.from_numpy(logits).requires_grad_()
    entropy = prediction_entropy(tensor)
    assert entropy.item() == pytest.approx(-(p * log_p).sum(1).mean(), rel=1e-6, abs=1e-9)
    pbar = p.mean(0)
    expected = (pbar * np.log(np.where(pbar > 0, pbar, 1))).sum()
    diversity = negative_diversity(tensor, mean_prediction(tensor))
    assert diversity.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    (entropy + diversity).backward()
    assert tensor.grad is not None
    assert torch.isfinite(tensor.grad).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_gradient_of_the_diversity_of_shares_is_that_of_the_whole(seed: int, parts: int) -> None:
    logits = torch.from_numpy(np.random.default_rng(seed).normal(0, 2, (12, 5))).requires_grad_()
    pbar = logits.softmax(1).mean(0)
    (whole,) = torch.autograd.grad((pbar * pbar.log()).sum(), logits)
    shares = logits.tensor_split(parts)
    total = sum(len(share) / 12 * negative_diversity(share, pbar.detach()) for share in shares)
    assert isinstance(total, torch.Tensor)
    (pieced,) = torch.autograd.grad(total, logits)
    torch.testing.assert_close(pieced, whole, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(total.detach(), (pbar * pbar.log()).sum().detach(), rtol=1e-10, atol=0)
