"""The Frechet distance against what is known of Gaussians."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from cfd_studio.metrics.frechet import FeatureStatistics, frechet_distance


def _random(seed: int, features: int, rank: int | None = None) -> FeatureStatistics:
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(features, rank or features))
    return FeatureStatistics(draw.normal(size=features), root @ root.T, 1000)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_diagonal_covariances_have_a_closed_form(seed: int, features: int) -> None:
    draw = np.random.default_rng(seed)
    mean_a, mean_b = draw.normal(size=(2, features))
    std_a, std_b = draw.gamma(1.0, 1.0, size=(2, features))
    a = FeatureStatistics(mean_a, np.diag(std_a**2), 10)
    b = FeatureStatistics(mean_b, np.diag(std_b**2), 10)
    expected = ((mean_a - mean_b) ** 2).sum() + ((std_a - std_b) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-7, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_against_scipys_matrix_root(seed: int, features: int) -> None:
    a, b = _random(seed, features), _random(seed + 1, features)
    root = np.real(linalg.sqrtm(a.covariance @ b.covariance))
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 20))
def test_symmetric_not_negative_and_zero_for_equals_also_where_singular(seed: int, features: int, rank: int) -> None:
    a, b = _random(seed, features, rank), _random(seed + 1, features, 1)
    forth, back = frechet_distance(a, b), frechet_distance(b, a)
    assert np.isfinite(forth)
    assert forth >= 0
    assert forth == pytest.approx(back, rel=1e-5, abs=1e-5)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-4)


def test_a_shift_costs_its_square() -> None:
    features = np.random.default_rng(0).normal(size=(500, 7))
    shift = np.arange(7.0)
    a, b = FeatureStatistics.of(features), FeatureStatistics.of(features + shift)
    assert frechet_distance(a, b) == pytest.approx((shift**2).sum(), rel=1e-9)


def test_no_spread_at_all_leaves_the_distance_of_the_means() -> None:
    a, b = FeatureStatistics.of(np.zeros((5, 3))), FeatureStatistics.of(np.full((5, 3), 2.0))
    assert frechet_distance(a, b) == pytest.approx(12)


def test_statistics_are_taken_in_float64_from_float32() -> None:
    features = (np.random.default_rng(1).normal(size=(200, 4)) + 1000).astype(np.float32)
    statistics = FeatureStatistics.of(features)
    assert statistics.mean.dtype == statistics.covariance.dtype == np.float64
    assert statistics.count == 200
    np.testing.assert_allclose(statistics.covariance, np.cov(features.astype(np.float64), rowvar=False))
    assert FeatureStatistics.of(features[:, :1]).covariance.shape == (1, 1)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 6))
def test_statistics_follow_an_affine_map_and_know_no_order(seed: int, count: int, features: int) -> None:
    draw = np.random.default_rng(seed)
    points, turn, shift = draw.normal(size=(count, features)), draw.normal(size=(features, features)), draw.normal()
    before, after = FeatureStatistics.of(points), FeatureStatistics.of(points[::-1] @ turn.T + shift)
    np.testing.assert_allclose(after.mean, turn @ before.mean + shift, atol=1e-9)
    np.testing.assert_allclose(after.covariance, turn @ before.covariance @ turn.T, atol=1e-9)
    assert np.array_equal(after.covariance, after.covariance.T)
    assert np.linalg.eigvalsh(after.covariance).min() > -1e-9


def test_two_points_have_the_sample_covariance() -> None:
    statistics = FeatureStatistics.of(np.array([[0.0, 0.0], [2.0, 4.0]]))
    np.testing.assert_allclose(statistics.mean, [1, 2])
    np.testing.assert_allclose(statistics.covariance, [[2, 4], [4, 8]])  # over N - 1
