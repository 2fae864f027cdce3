"""A bench: times taken in turns, operations counted, and what a fast path needs to make a difference."""

from collections.abc import Iterator

import pytest
import torch

from cfd_studio.engine.bench.ablation import PATHS, lacking, variants
from cfd_studio.engine.bench.measuring import measure
from cfd_studio.engine.bench.sides import Side
from cfd_studio.engine.bench.sizes import SIZES, Row, config_of
from cfd_studio.engine.bench.timing import Spread, gain, interleaved
from cfd_studio.engine.bench.work import Training, operations
from cfd_studio.engine.defaults import choose_paths
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths

PLAN = ExecutionPlan(device="cpu", threads=1)
PLAIN = PLAN.model_copy(update={"fast": FastPaths.none()})


def _row(size: str, name: str) -> Row:
    return next(row for row in SIZES[size].rows if row.name == name)


def _per_image(size: str, row: str) -> float:
    """Return the multiplications of an image, in millions."""
    return operations(Side(PLAN, pytest.fail).work(_row(size, row), 2)) / 2e6


def test_pieces_take_turns_and_each_time_is_its_own() -> None:
    now, order = 0.0, []

    def piece(name: str, seconds: float) -> None:
        nonlocal now
        order.append(name)
        now += seconds

    pieces = [lambda: piece("plain", 3.0), lambda: piece("fast", 1.0)]
    assert interleaved(pieces, 3, 100.0, lambda: now) == [[3.0] * 3, [1.0] * 3]
    assert order == ["plain", "fast"] * 3
    assert interleaved(pieces, 3, 8.0, lambda: now) == [[3.0] * 2, [1.0] * 2]  # the second round ends at 8
    assert interleaved(pieces, 3, 0.0, lambda: now) == [[3.0], [1.0]]


def test_a_gain_is_the_median_of_the_ratios_within_rounds() -> None:
    assert gain([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == Spread(2.0, 1.0, 3.0)  # of the medians it would be 4 / 3
    assert Spread.of([4.0, 1.0, 2.0]) == Spread(2.0, 1.0, 4.0)
    assert Spread(2.0, 1.0, 4.0).over(8) == Spread(4.0, 2.0, 8.0)


@pytest.mark.slow
def test_the_cifar_network_takes_the_published_number_of_operations() -> None:
    assert _per_image("cifar10", "sample-4") == pytest.approx(4 * 6220, rel=1e-3)


@pytest.mark.slow
def test_the_cifar_steps_take_the_published_numbers_of_operations() -> None:
    assert _per_image("cifar10", "pd") == pytest.approx(31_100, rel=1e-3)
    assert _per_image("cifar10", "cfd-densenet201") == pytest.approx(1.13 * 31_100, rel=0.01)


def test_operations_are_those_of_forward_and_backward_passes() -> None:
    forward = _per_image("digits", "sample-1")
    # A backward pass takes two forward passes, but for the first layer, whose input needs no gradient.
    assert 2.95 < _per_image("digits", "teacher") / forward < 3
    assert 4.95 < _per_image("digits", "pd") / forward < 5
    assert _per_image("digits", "sample-8") == 8 * forward


def test_a_step_neither_moves_the_weights_nor_draws_from_others() -> None:
    work = Side(PLAN, pytest.fail).work(_row("digits", "cfd-cnn"), 2)
    assert isinstance(work, Training)
    weights = {name: weight.clone() for name, weight in work._trainer.state.network.state_dict().items()}
    assert all(weight.any() for name, weight in weights.items() if weight.dim() > 1)
    before = torch.get_rng_state()
    work.do(2)
    assert work._trainer.state.step == 2
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weight, weights[name]) for name, weight in work._trainer.state.network.state_dict().items())


def test_more_images_at_once_hold_more() -> None:
    few, many = (Side(PLAN, pytest.fail).work(_row("digits", "teacher"), batch).peak() for batch in (8, 64))
    assert few is not None
    assert many is not None
    assert few < many < 8 * few


def test_every_other_value_of_a_path_is_tried_where_the_device_has_it() -> None:
    def tried(path: str) -> list[str]:
        return [value for value, plan in variants(path, PLAN) if plan != PLAN]

    assert tried("precision") == ["bfloat16"]  # TF32 is CUDA's
    assert tried("channels_last") == ["frozen", "all"]
    assert tried("compilation") == ["default"]
    assert tried("fused_attention") == ["off"]
    plans = dict(variants("fused_attention", PLAN))
    assert plans["off"].fast == PLAN.fast.model_copy(update={"fused_attention": False})


def test_a_path_that_makes_no_difference_is_not_measured() -> None:
    measured = {
        (row, device): [path for path in PATHS if not lacking(path, _row("digits", row), device, named=False)]
        for row in ("teacher", "pd", "cfd-cnn", "sample-1")
        for device in ("cpu", "cuda:0")
    }
    network = ["precision", "channels_last", "fused_attention"]
    assert measured["sample-1", "cpu"] == network
    assert measured["pd", "cpu"] == [*network, "fused_optimizer", "gathered_weights", "idle_core"]
    assert measured["teacher", "cpu"] == [*network, "fused_optimizer", "foreach_average", "gathered_weights"]
    assert {*measured["cfd-cnn", "cpu"]} == {
        *network, "fused_optimizer", "gathered_weights", "idle_core", "frozen_without_gradients", "folded_normalization"
    }  # fmt: skip
    assert {*measured["sample-1", "cuda:0"]} == {*network, "compilation", "rounding_on_device"}
    assert {*measured["teacher", "cuda:0"]} - {*measured["teacher", "cpu"]} == {
        "compilation", "data_on_device", "deferred_reading"
    }  # fmt: skip
    assert lacking("compilation", _row("digits", "pd"), "cpu", named=True) is None


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Let no thread wait for another, which others on the machine would decide."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize(
    ("size", "batch", "least"),
    [
        pytest.param(
            "cifar10",
            4,
            1.4,
            marks=pytest.mark.skipif(
                not torch.cpu._is_avx512_bf16_supported(), reason="needs a CPU with bfloat16 instructions"
            ),
        ),
        ("digits", 32, 0.9),
    ],
)
def test_a_fast_teacher_step_is_as_many_times_as_fast_as_a_plain_one(size: str, batch: int, least: float) -> None:
    row = _row(size, "teacher")
    config = config_of(row.preset)
    shape = (config.data.depth, config.data.side, config.data.side)
    plan = choose_paths(ExecutionRequest(), config, shape, 10, "cpu").plan("cpu")
    pair = measure(row, batch, (Side(PLAIN, pytest.fail), Side(plan, pytest.fail)), repeats=9, seconds=60)
    print(size, pair.gain)
    assert pair.gain.median >= least
