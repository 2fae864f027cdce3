"""A batch worked off by two threads, where a core would be idle: for models that draw large ones."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.idle_core import begin_helper, has_idle_core

# So many that nobody waits long for the last, where others need the core; so few that each is worth a network's calls.
PARTS = 4
SMALLEST = 64  # images in a part


class Shared(nn.Module):
    """A frozen network on the CPU. Each image is computed as in the whole batch, to the last bit.

    Parameters
    ----------
    network : nn.Module
    helper : ThreadPoolExecutor
        Of one thread.
    """

    def __init__(self, network: nn.Module, helper: ThreadPoolExecutor) -> None:
        super().__init__()
        self.network = network
        self._helper = helper

    def forward(self, *inputs: Tensor) -> Tensor:
        """Pass a batch through, part by part, without a gradient."""
        size = max(SMALLEST, -(-len(inputs[0]) // PARTS))
        parts = list(zip(*(each.split(size) for each in inputs), strict=True))
        waiting = deque(enumerate(parts))
        done: dict[int, Tensor] = {}

        @torch.no_grad()
        def work() -> None:
            while waiting:
                try:
                    index, part = waiting.popleft()
                except IndexError:  # the other one took it in between
                    return
                done[index] = self.network(*part)

        helping = self._helper.submit(work) if len(parts) > 1 else None
        try:
            work()
        finally:
            waiting.clear()
            if helping is not None:
                helping.result()
        return torch.cat([done[index] for index in range(len(parts))])


@contextmanager
def shared(denoiser: Denoiser) -> Iterator[Denoiser]:
    """Let a second thread help a model that draws on the CPU, if there is a core for it."""
    if denoiser.schedule.device.type != "cpu" or not has_idle_core():
        yield denoiser
        return
    alone = denoiser.network
    with begin_helper("cfd-draw") as helper:
        denoiser.network = Shared(alone, helper)
        try:
            yield denoiser
        finally:
            denoiser.network = alone
