"""How weights are moved: the optimizers by their names, and the learning rate of every step."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from cfd_studio.engine.gathered import Moments
from cfd_studio.protocol.optimization import Optimization

_SCALARS = frozenset({"step"})  # of what an optimizer holds for a weight; everything else has the weight's shape


def _adam(weights: Iterable[nn.Parameter], how: Optimization, fused: bool) -> Optimizer:
    return AdamW(weights, lr=how.learning_rate, weight_decay=how.weight_decay, fused=fused)


def _sgd(weights: Iterable[nn.Parameter], how: Optimization, fused: bool) -> Optimizer:
    optimizer = SGD(
        weights,
        lr=how.learning_rate,
        momentum=how.momentum,
        nesterov=how.nesterov and how.momentum > 0,
        weight_decay=how.weight_decay,
        fused=fused,
    )
    if how.momentum:
        # What torch makes at the first step is whatever lay in the memory, and stays it where that step is masked.
        for weight in optimizer.param_groups[0]["params"]:
            optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    return optimizer


_OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter], Optimization, bool], Optimizer]] = {
    "adam": _adam,
    "sgd": _sgd,
}
# What each holds per weight once it has stepped.
_HOLDS = {AdamW: frozenset({"step", "exp_avg", "exp_avg_sq"}), SGD: frozenset({"momentum_buffer"})}


def build_optimizer(weights: list[nn.Parameter], optimization: Optimization, *, fused: bool = True) -> Optimizer:
    """Return an optimizer of weights, fused where that is wanted and their device has it."""
    fused = fused and weights[0].device.type in ("cpu", "cuda")
    return _OPTIMIZERS[optimization.optimizer](weights, optimization, fused)


def check_moments(optimizer: Optimizer, weights: list[nn.Parameter], moments: Moments, step: int) -> None:
    """Make sure that what a file holds per weight fits: the kernels do not look, and would write beyond it.

    Parameters
    ----------
    optimizer : Optimizer
    weights : list of nn.Parameter
        That it moves, one by one or gathered.
    moments : dict of int to dict of str to Tensor
        By the index of the weight, as a state dict has them.
    step : int
        Optimizer steps done.

    Raises
    ------
    ValueError, KeyError, AttributeError
        Where it does not.
    """
    names = _HOLDS[type(optimizer)]
    if isinstance(optimizer, SGD) and not optimizer.defaults["momentum"]:
        names, weights = frozenset(), []
    if step and set(moments) != set(range(len(weights))):
        raise ValueError("there are moments for each weight")
    for index, held in moments.items():
        if set(held) != names:
            raise ValueError("these are no moments of this optimizer")
        for name in names - _SCALARS:
            if held[name].shape != weights[index].shape or held[name].dtype != weights[index].dtype:
                raise ValueError(f"{name} does not fit its weight")
        if any(held[name].numel() != 1 for name in names & _SCALARS):
            raise ValueError("the moments count their steps with one number")


def lay_moments(optimizer: Optimizer) -> None:
    """Lay what is held per weight out in memory as the weight is: fused kernels take both as they lie there."""
    for weight, held in optimizer.state.items():
        for name, value in held.items():
            if value.shape == weight.shape and value.stride() != weight.stride():
                held[name] = torch.empty_like(weight).copy_(value)


# From how far the stage has come after the warm-up, and how far in all, each in [0, 1), to a share of the peak.
_SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "constant": lambda _after, _whole: 1.0,
    "cosine": lambda after, _whole: 0.5 * (1 + math.cos(math.pi * after)),
    "linear": lambda after, _whole: 1 - after,
    "step": lambda _after, whole: 1.0 if whole < 0.5 else 0.1 if whole < 0.75 else 0.01,
}


def learning_rate(optimization: Optimization, step: int) -> float:
    """Return the learning rate of the optimizer step with that number, counted from 0.

    Linear warm-up to the peak; then constant, or along a half cosine or a line that reaches 0 at the end of the stage,
    or a tenth from half of the stage on and a hundredth from three quarters.
    """
    peak, warmup = optimization.learning_rate, optimization.warmup_steps
    if step < warmup:
        return peak * (step + 1) / warmup
    after = (step - warmup) / max(1, optimization.steps - warmup)
    return peak * _SCHEDULES[optimization.learning_rate_schedule](after, step / optimization.steps)
