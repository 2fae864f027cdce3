"""Batches depend on a seed and a position, and on nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.data.batches import Batches

_sizes = st.tuples(st.integers(1, 60), st.integers(1, 90))


def _take(batches: Batches, count: int) -> list[int]:
    return [int(index) for _ in range(count) for index in next(batches)]


@given(_sizes, st.integers(0, 2**63 - 1))
def test_each_epoch_visits_each_image_once(sizes: tuple[int, int], seed: int) -> None:
    count, batch_size = sizes
    stream = _take(Batches(count, batch_size, seed), 3 * count // batch_size + 3)
    for epoch in range(3):
        assert sorted(stream[epoch * count : (epoch + 1) * count]) == list(range(count))


@given(_sizes, st.integers(0, 20))
def test_a_stream_goes_on_from_any_position(sizes: tuple[int, int], position: int) -> None:
    straight = Batches(*sizes, seed=5)
    _take(straight, position)
    assert straight.position == position
    resumed = Batches(*sizes, seed=5)
    resumed.position = position
    assert _take(resumed, 4) == _take(straight, 4)
    # Going back is as good as going on.
    resumed.position = 0
    assert _take(resumed, 2) == _take(Batches(*sizes, seed=5), 2)


def test_a_batch_may_be_larger_than_the_set() -> None:
    batch = next(Batches(10, 25, seed=0))
    assert batch.dtype == torch.int64
    assert batch.shape == (25,)
    counts = torch.bincount(batch, minlength=10)
    assert counts.min() == 2
    assert counts.max() == 3


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    stream = _take(Batches(50, 50, seed=0), 2)
    assert stream[:50] != stream[50:]
    assert stream[:50] != _take(Batches(50, 50, seed=1), 1)
    assert stream == _take(Batches(50, 50, seed=0), 2)


def test_no_global_generator_is_touched() -> None:
    before = torch.get_rng_state()
    _take(Batches(7, 3, seed=0), 5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("count", "batch_size"), [(0, 1), (1, 0)])
def test_nothing_to_draw_is_a_mistake(count: int, batch_size: int) -> None:
    with pytest.raises(AssertionError):
        Batches(count, batch_size, seed=0)


def test_of_a_part_of_a_set_the_same_places_are_handed_out_by_their_own_rows() -> None:
    rows = 3 * torch.arange(10)
    assert _take(Batches(10, 4, seed=1, rows=rows), 5) == [3 * place for place in _take(Batches(10, 4, seed=1), 5)]
