"""The exponential moving average of a network's weights."""

import copy

import torch
from torch import Tensor, nn

from cfd_studio.engine.gathered import Gathered


class Ema:
    """A frozen copy that follows a network: ``shadow = d * shadow + (1 - d) * weights``.

    The decay ramps as ``d = min(decay, (1 + n) / (10 + n))`` after n updates, so that a short run is not all start.
    Buffers are copied.

    Parameters
    ----------
    network : nn.Module
        Followed from its present weights.
    decay : float
        In (0, 1).
    foreach : bool, optional
        Whether all weights move in a few kernels, or each in one of its own.
    gathered : Gathered, optional
        The network's weights, where they lie in one piece; those of the copy then do so too.
    """

    def __init__(
        self, network: nn.Module, decay: float, *, foreach: bool = True, gathered: Gathered | None = None
    ) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0
        self._foreach = foreach
        # To gather them anew takes as long as to move them.
        self._weights: list[Tensor] = [gathered.whole] if gathered else list(network.parameters())
        self._shadows: list[Tensor] = [Gathered(self.network).whole] if gathered else list(self.network.parameters())
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))

    @torch.no_grad()
    def update(self, masked: Tensor) -> None:
        """Move towards the network's weights; where ``masked``, a scalar on the device, is 1, stay."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        share = (1 - masked.to(self._shadows[0].dtype)) * (1 - decay)
        if self._foreach:
            _FOLLOW.get(share.device.type, _lerp)(self._shadows, self._weights, share)
        else:
            for shadow, weight in zip(self._shadows, self._weights, strict=True):
                shadow.lerp_(weight, share)
        for copied, buffer in self._buffers:
            copied.copy_(buffer)


def _lerp(shadows: list[Tensor], weights: list[Tensor], share: Tensor) -> None:
    torch._foreach_lerp_(shadows, weights, [share] * len(shadows))


def _add_differences(shadows: list[Tensor], weights: list[Tensor], share: Tensor) -> None:
    """Do it on CUDA in three kernels, which for a share that lies there lerp does in one per weight."""
    differences = torch._foreach_sub(weights, shadows)
    torch._foreach_mul_(differences, share)
    torch._foreach_add_(shadows, differences)


_FOLLOW = {"cuda": _add_differences}
