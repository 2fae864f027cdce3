"""Precision and recall against what is known of sets of points."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cfd_studio.metrics import manifold
from cfd_studio.metrics.manifold import NEIGHBOURS, Manifold, precision_and_recall


def _cloud(seed: int, count: int, features: int = 5) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, features)))


def _measure(samples: Tensor, real: Tensor) -> tuple[float, float]:
    return precision_and_recall(Manifold.of(samples), Manifold.of(real))


def _by_definition(samples: Tensor, real: Tensor) -> tuple[float, float]:
    """Eq. 1 and 2 of the paper, point by point."""

    def radius(points: Tensor, index: int) -> float:
        return float((points - points[index]).norm(dim=1).sort().values[NEIGHBOURS])

    def share(inner: Tensor, outer: Tensor) -> float:
        balls = [(centre, radius(outer, index)) for index, centre in enumerate(outer)]
        return float(np.mean([any(float((x - c).norm()) <= r + 1e-9 for c, r in balls) for x in inner]))

    return share(samples, real), share(real, samples)


@given(st.integers(0, 2**32 - 2), st.integers(4, 25), st.integers(4, 25), st.integers(1, 6))
def test_as_the_paper_defines_it(seed: int, samples: int, real: int, features: int) -> None:
    a, b = _cloud(seed, samples, features) * 0.7 + 0.5, _cloud(seed + 1, real, features)
    assert _measure(a, b) == pytest.approx(_by_definition(a, b))


@given(st.integers(0, 2**32 - 2), st.integers(4, 30), st.integers(4, 30))
def test_the_roles_are_symmetric(seed: int, samples: int, real: int) -> None:
    a, b = _cloud(seed, samples), _cloud(seed + 1, real) + 0.5
    assert _measure(a, b) == _measure(b, a)[::-1]


@given(st.integers(0, 2**32 - 1), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_neither_order_nor_origin_nor_unit_matters(seed: int, shift: float, scale: float) -> None:
    a, b = _cloud(seed, 30), _cloud(seed ^ 1, 20) + 0.5
    order = torch.from_numpy(np.random.default_rng(seed).permutation(30))
    assert _measure(a[order] * scale + shift, b * scale + shift) == pytest.approx(_measure(a, b))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_sets_reach_one_and_disjoint_ones_nothing(dtype: torch.dtype) -> None:
    points = _cloud(0, 200, 64).to(dtype)
    assert _measure(points, points.flip(0)) == (1.0, 1.0)
    assert _measure(points, points + 1000) == (0.0, 0.0)


def test_twins_lie_in_each_others_balls_of_no_size() -> None:
    # 8-bit images of a collapsed model are equal to the last bit: their balls have radius 0.
    one = _cloud(0, 1, 64)
    assert _measure(one.expand(10, -1), one.expand(7, -1)) == (1.0, 1.0)
    two = torch.cat([one.expand(6, -1), -one.expand(6, -1)]) + 100
    assert _measure(two, two.flip(0)) == (1.0, 1.0)
    assert _measure(two[:6], two) == (1.0, 0.5)


def test_a_dropped_mode_costs_recall_and_no_precision() -> None:
    modes = [_cloud(mode, 100) + 100 * mode for mode in range(4)]
    real = torch.cat(modes)
    precision, recall = _measure(torch.cat(modes[:3]), real)
    assert precision == 1.0
    assert recall == 0.75


def test_invented_images_cost_precision_and_no_recall() -> None:
    modes = [_cloud(mode, 100) + 100 * mode for mode in range(4)]
    assert _measure(torch.cat(modes), torch.cat(modes[:3])) == (0.75, 1.0)


def test_a_narrow_model_is_precise_and_forgets() -> None:
    real = _cloud(0, 500)
    values = [_measure(_cloud(1, 500) * width, real) for width in (1.0, 0.6, 0.3)]
    for (precision, recall), (narrower_precision, narrower_recall) in pairwise(values):
        assert narrower_precision >= precision
        assert narrower_recall < recall


def test_chunks_change_nothing_and_everyone_is_heard_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = _cloud(0, 101), _cloud(1, 53) + 0.5
    whole = _measure(a, b)
    monkeypatch.setattr(manifold, "_CHUNK", 7 * 53)
    heard: list[int] = []
    samples = Manifold.of(a, on_chunk=lambda: heard.append(len(heard)))
    assert len(heard) == 34  # 3 rows of 101 at a time
    real = Manifold.of(b)
    assert precision_and_recall(samples, real, on_chunk=lambda: heard.append(len(heard))) == whole
    assert len(heard) == 34 + 15  # 7 rows at a time

    def enough() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        precision_and_recall(samples, real, on_chunk=enough)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_are_those_between_the_points_also_far_from_zero(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = ((cloud + 1000).to(dtype) for cloud in (_cloud(0, 90, 40), _cloud(1, 70, 40)))
    monkeypatch.setattr(manifold, "_CHUNK", 8 * 70)
    parts = list(manifold._distances(a, b, None))
    assert [len(part) for part in parts] == [8] * 11 + [2]
    expected = (a.double()[:, None] - b.double()).norm(dim=2)
    torch.testing.assert_close(torch.cat(parts), expected, rtol=1e-9, atol=0)
    (same,) = manifold._distances(b[:1].expand(5, -1), b[:8], None)
    assert same[:, 0].tolist() == [0.0] * 5


@pytest.mark.slow  # torch-fidelity imports torchvision
@pytest.mark.parametrize(("samples", "real", "features"), [(300, 200, 64), (200, 300, 8), (400, 400, 512)])
def test_torch_fidelity_says_the_same(samples: int, real: int, features: int) -> None:
    pytest.importorskip("torch_fidelity", minversion="0.4.0")  # earlier ones swapped the two
    from torch_fidelity.metric_prc import prc_features_to_metric

    a, b = _cloud(3, samples, features) * 0.9 + 0.1, _cloud(4, real, features)
    theirs = prc_features_to_metric(
        a, b, prc_neighborhood=NEIGHBOURS, prc_batch_size=10_000, save_cpu_ram=False, verbose=False
    )
    assert 0 < theirs["precision"] != theirs["recall"] > 0
    assert _measure(a, b) == pytest.approx((theirs["precision"], theirs["recall"]))
