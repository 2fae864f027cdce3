"""Learning rate and average against their closed forms; a state that is captured and restored."""

import copy
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cfd_studio.data.batches import Batches
from cfd_studio.engine import ema as ema_module
from cfd_studio.engine.best import Best
from cfd_studio.engine.ema import Ema
from cfd_studio.engine.optimizers import learning_rate
from cfd_studio.engine.state import TrainingState
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.protocol.optimization import Optimization


def _optimization(**changes: object) -> Optimization:
    return Optimization.model_validate({"steps": 100, "batch_size": 4, "learning_rate": 0.5} | changes)


def test_the_cosine_falls_from_the_peak_towards_zero() -> None:
    cosine = _optimization()
    for step in range(100):
        assert learning_rate(cosine, step) == pytest.approx(0.25 * (1 + math.cos(math.pi * step / 100)))
    assert learning_rate(cosine, 0) == 0.5
    assert learning_rate(cosine, 100) == pytest.approx(0, abs=1e-12)


def test_the_warm_up_rises_to_the_peak_and_the_rest_follows() -> None:
    constant = _optimization(warmup_steps=10, learning_rate_schedule="constant")
    assert [learning_rate(constant, step) for step in range(12)] == pytest.approx(
        [0.05 * k for k in range(1, 11)] + [0.5, 0.5]
    )
    cosine = _optimization(warmup_steps=20)
    assert learning_rate(cosine, 20) == 0.5
    assert learning_rate(cosine, 60) == pytest.approx(0.25)


def test_the_line_falls_to_zero_and_the_steps_fall_at_half_and_at_three_quarters() -> None:
    line = _optimization(learning_rate_schedule="linear", warmup_steps=20)
    assert [learning_rate(line, step) for step in (20, 60, 99)] == pytest.approx([0.5, 0.25, 0.5 / 80])
    stairs = _optimization(learning_rate_schedule="step", warmup_steps=4)
    rates = [learning_rate(stairs, step) for step in range(4, 100)]
    assert rates == pytest.approx([0.5] * 46 + [0.05] * 25 + [0.005] * 25)


@given(st.integers(1, 300), st.integers(0, 300), st.sampled_from(["constant", "cosine", "linear", "step"]))
def test_every_step_has_a_rate_between_zero_and_the_peak(steps: int, warmup: int, schedule: str) -> None:
    optimization = _optimization(steps=steps, warmup_steps=min(warmup, steps), learning_rate_schedule=schedule)
    rates = [learning_rate(optimization, step) for step in range(steps)]
    assert all(0 < rate <= 0.5 for rate in rates)


def test_the_average_ramps_as_its_closed_form_says() -> None:
    network = nn.Linear(1, 1, bias=False).double()
    with torch.no_grad():
        network.weight.fill_(0.0)
    ema = Ema(network, 0.9)
    expected = 0.0
    for n in range(1, 200):
        with torch.no_grad():
            network.weight.fill_(float(n))
        ema.update(torch.zeros(()))
        decay = min(0.9, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * n
        assert ema.network.weight.item() == pytest.approx(expected, rel=1e-12)
    assert not ema.network.weight.requires_grad
    assert ema.network.weight.data_ptr() != network.weight.data_ptr()


def test_the_average_copies_buffers_and_leaves_the_network_alone() -> None:
    network = nn.BatchNorm1d(3)
    ema = Ema(network, 0.5)
    network(torch.randn(8, 3))
    before = copy.deepcopy(network.state_dict())
    ema.update(torch.zeros(()))
    assert torch.equal(ema.network.running_mean, network.running_mean)  # type: ignore[arg-type]
    assert torch.equal(ema.network.num_batches_tracked, network.num_batches_tracked)  # type: ignore[arg-type]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not ema.network.training


def test_a_half_life_counts_images_until_an_old_weight_counts_half() -> None:
    half_life = _optimization(batch_size=32, ema_half_life=320.0)
    assert half_life.average_decay is not None
    assert half_life.average_decay**10 == pytest.approx(0.5)
    state = TrainingState.fresh(nn.Linear(2, 2), half_life, Batches(64, 32, 0), 0)
    assert state.ema is not None
    assert state.ema.decay == half_life.average_decay


ADAM = {"optimizer": "adam"}
SGD = {"optimizer": "sgd", "momentum": 0.9}


def _state(seed: int, weights: int = 0, *, gathered: bool = False, **how: object) -> TrainingState:
    torch.manual_seed(weights)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
    optimization = _optimization(ema_decay=0.9, weight_decay=0.1, **how)
    fast = FastPaths(gathered_weights=gathered)
    return TrainingState.fresh(network, optimization, Batches(20, 8, seed), seed, fast=fast)


def _train(state: TrainingState, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        x = torch.randn(8, 4, generator=state.generator) + next(state.batches)[:, None]
        with state.own_randomness():
            loss = state.network(x).square().mean()
        state.network.zero_grad()
        loss.backward()
        state.with_gradient()
        state.descend(0.001, torch.zeros(()))
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize("how", [ADAM, SGD, SGD | {"nesterov": True}, SGD | {"momentum": 0.0}])
def test_a_restored_state_goes_on_bitwise_dropout_and_all(how: dict[str, Any], gathered: bool) -> None:
    straight = _state(1, gathered=gathered, **how)
    _train(straight, 5)
    captured = copy.deepcopy(straight.capture())
    rest = _train(straight, 5)
    resumed = _state(1, weights=2, gathered=gathered, **how)
    resumed.restore(captured)
    assert resumed.step == 5
    assert resumed.batches.position == 5
    assert _train(resumed, 5) == rest
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])
    assert straight.ema is not None
    assert resumed.ema is not None
    assert resumed.ema.updates == 10
    for name, value in straight.sampling_network.state_dict().items():
        assert torch.equal(value, resumed.sampling_network.state_dict()[name])


@pytest.mark.parametrize("how", [ADAM, SGD, SGD | {"momentum": 0.0}])
def test_weights_in_one_piece_are_moved_as_each_by_itself_and_captured_alike(how: dict[str, Any]) -> None:
    apart, gathered = _state(1, **how), _state(1, gathered=True, **how)
    assert _train(gathered, 5) == pytest.approx(_train(apart, 5), rel=1e-5)
    one, other = copy.deepcopy(apart.capture()), copy.deepcopy(gathered.capture())
    assert one.keys() == other.keys()
    for name in ("network", "ema"):
        torch.testing.assert_close(dict(other[name]), dict(one[name]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other["optimizer"]["state"], one["optimizer"]["state"], rtol=1e-5, atol=1e-6)
    for captured in (one, other):  # goes on either way, whichever it comes from
        resumed = [_state(1, weights=2, gathered=piece, **how) for piece in (False, True)]
        for state in resumed:
            state.restore(copy.deepcopy(captured))
        losses = [_train(state, 5) for state in resumed]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        found, expected = (dict(state.sampling_network.state_dict()) for state in resumed)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", [ADAM, SGD])
def test_a_state_goes_on_the_same_where_the_weights_lie_otherwise_in_memory(how: dict[str, object]) -> None:
    def state(layout: torch.memory_format) -> TrainingState:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)).to(memory_format=layout)
        return TrainingState.fresh(network, _optimization(ema_decay=0.9, **how), Batches(20, 8, 1), 1)

    def train(one: TrainingState) -> None:
        images = torch.randn(8, 3, 8, 8, generator=one.generator)
        one.optimizer.zero_grad()
        one.network(images).square().mean().backward()
        one.descend(0.01, torch.zeros(()))

    straight, resumed = state(torch.contiguous_format), state(torch.channels_last)
    for _ in range(3):
        train(straight)
    resumed.restore(copy.deepcopy(straight.capture()))
    train(straight)
    train(resumed)
    for weight, other in zip(straight.network.parameters(), resumed.network.parameters(), strict=True):
        torch.testing.assert_close(weight, other, rtol=0, atol=1e-6)
    for weight, held in resumed.optimizer.state.items():
        assert {value.stride() for value in held.values() if value.shape == weight.shape} == {weight.stride()}


def test_a_state_from_another_kind_of_device_goes_on_with_noise_of_its_own_step() -> None:
    drawn = {}
    for step in (0, 3):
        captured = copy.deepcopy(_state(1).capture())
        captured |= {"step": step, "generator": torch.zeros(16, dtype=torch.uint8)}  # as CUDA has it
        if step:
            trained = _state(1)
            _train(trained, step)
            captured["optimizer"] = trained.capture()["optimizer"]
        for _ in range(2):
            resumed = _state(1)
            resumed.restore(captured)
            drawn.setdefault(step, []).append(torch.randn(4, generator=resumed.generator).tolist())
    assert drawn[0][0] == drawn[0][1]
    assert drawn[3][0] == drawn[3][1]
    assert drawn[0][0] != drawn[3][0]
    assert torch.randn(4, generator=_state(1).generator).tolist() not in (drawn[0][0], drawn[3][0])
    captured["generator"] = torch.zeros(7, dtype=torch.uint8)
    with pytest.raises(ValueError, match="no generator"):
        _state(1).restore(captured)


def test_the_average_follows_on_cuda_as_elsewhere_and_stays_where_it_is_masked() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(3, 4), torch.randn(5)]
    start = [torch.randn(3, 4), torch.randn(5)]
    for share in (0.25, 0.001, 0.7, 0.0, 1.0):
        found = []
        for follow in (ema_module._lerp, ema_module._add_differences):
            shadows = [one.clone() for one in start]
            follow(shadows, weights, torch.tensor(share))
            found.append(shadows)
        torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-7)
        if not share:
            assert all(torch.equal(one, other) for one, other in zip(found[1], start, strict=True))


def test_a_stage_without_an_average_samples_with_its_weights() -> None:
    network = nn.Linear(2, 2)
    state = TrainingState.fresh(network, _optimization(), Batches(4, 2, 0), 0)
    assert state.sampling_network is network
    assert state.capture()["ema"] is None


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("how", [ADAM, SGD])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("gathered", [False, True])
def test_a_masked_step_changes_neither_weights_nor_average_nor_optimizer(
    gathered: bool, fused: bool, how: dict[str, Any], steps: int
) -> None:
    state = _state(1, gathered=gathered, **how)
    _train(state, steps)
    if not fused:  # as on Metal
        state.optimizer.defaults["fused"] = False
        if steps:
            del state.optimizer.found_inf  # type: ignore[attr-defined]
        for group in state.optimizer.param_groups:
            group["fused"] = False
    before = copy.deepcopy(state.capture())
    for parameter in state.network.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    state.with_gradient()
    state.descend(0.5, torch.ones(()))
    after = state.capture()
    for name in ("network", "ema"):
        for key, value in before[name].items():
            assert torch.equal(after[name][key], value), (name, key)
    for index, moments in before["optimizer"]["state"].items():
        for key, value in moments.items():
            assert torch.equal(after["optimizer"]["state"][index][key], value), (index, key)
    state.descend(0.5, torch.zeros(()))
    assert all(parameter.isnan().all() for parameter in state.network.parameters())  # the mask was what kept them


def test_a_masked_first_step_leaves_sgd_without_momentum() -> None:
    state = _state(1, **SGD)
    for parameter in state.network.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    state.descend(0.5, torch.ones(()))
    assert all(not held["momentum_buffer"].any() for held in state.capture()["optimizer"]["state"].values())
    assert len(state.capture()["optimizer"]["state"]) == len(list(state.network.parameters()))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_steps_as_its_equations_say(momentum: float, nesterov: bool) -> None:
    network = nn.Linear(1, 1, bias=False).double()
    how = _optimization(optimizer="sgd", momentum=momentum, nesterov=nesterov, weight_decay=0.1)
    state = TrainingState.fresh(network, how, Batches(4, 2, 0), 0)
    weight, velocity = network.weight.item(), 0.0
    for step, slope in enumerate([1.0, -2.0, 0.5, 3.0]):
        network.weight.grad = torch.full_like(network.weight, slope)
        state.descend(0.1 / (step + 1), torch.zeros(()))
        gradient = slope + 0.1 * weight
        velocity = momentum * velocity + gradient
        weight -= 0.1 / (step + 1) * (gradient + momentum * velocity if nesterov else velocity)
        assert network.weight.item() == pytest.approx(weight, rel=1e-12)


def test_the_best_weights_are_the_first_that_no_later_ones_beat() -> None:
    network = nn.Linear(1, 1, bias=False)
    best = Best(network)
    for step, accuracy in enumerate([0.2, 0.7, 0.5, 0.7], start=1):
        with torch.no_grad():
            network.weight.fill_(step)
        best.offer(network, accuracy, step)
    assert (best.accuracy, best.step, best.network.weight.item()) == (0.7, 2, 2.0)
    other = Best(nn.Linear(1, 1, bias=False))
    other.restore(copy.deepcopy(best.capture()))
    assert (other.accuracy, other.step, other.network.weight.item()) == (0.7, 2, 2.0)


@pytest.mark.parametrize("change", [{"accuracy": 2.0}, {"accuracy": float("nan")}, {"accuracy": 1}, {"step": -1}])
def test_a_best_epoch_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    best = Best(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="accuracy"):
        best.restore(best.capture() | change)


def _spoil(name: str, captured: dict[str, Any]) -> None:
    moments = captured["optimizer"]["state"]
    match name:
        case "small":
            moments[0]["exp_avg"] = torch.zeros(1)
        case "wide":
            moments[1]["exp_avg_sq"] = moments[1]["exp_avg_sq"].double()
        case "missing":
            del moments[0]
        case "foreign":
            moments[0]["max_exp_avg_sq"] = torch.zeros(1)
        case "step":
            moments[0]["step"] = torch.zeros(3)
        case "position":
            captured["position"] = -1
        case "steps":
            captured["step"] = 2.0


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize("name", ["small", "wide", "missing", "foreign", "step", "position", "steps"])
def test_moments_that_do_not_fit_their_weights_are_refused_before_a_kernel_writes_beyond_them(
    name: str, gathered: bool
) -> None:
    state = _state(1, gathered=gathered)
    _train(state, 2)
    captured = copy.deepcopy(state.capture())
    _spoil(name, captured)
    with pytest.raises(ValueError, match=r"moments|fit|whole"):
        _state(1, gathered=gathered).restore(captured)


@pytest.mark.parametrize("spoilt", ["small", "missing", "foreign", "adam"])
def test_what_sgd_holds_is_checked_as_well(spoilt: str) -> None:
    state = _state(1, **(ADAM if spoilt == "adam" else SGD))
    _train(state, 2)
    captured = copy.deepcopy(state.capture())
    moments = captured["optimizer"]["state"]
    match spoilt:
        case "small":
            moments[0]["momentum_buffer"] = torch.zeros(1)
        case "missing":
            del moments[1]
        case "foreign":
            moments[0]["exp_avg"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"moments|fit"):
        _state(1, **SGD).restore(captured)


def test_what_a_checkpoint_says_of_the_optimizers_settings_is_not_trusted() -> None:
    state = _state(1)
    _train(state, 2)
    captured = copy.deepcopy(state.capture())
    captured["optimizer"]["param_groups"][0] |= {"betas": ("a", "b"), "maximize": True, "fused": False}
    resumed = _state(1)
    resumed.restore(captured)
    assert resumed.optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    assert _train(resumed, 2) == _train(state, 2)
