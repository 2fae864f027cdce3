"""How much memory a training step takes at its peak."""

from collections.abc import Callable

import torch
from torch import Tensor


class Peak:
    """The most bytes at once in a step: all that CUDA allocates, elsewhere what is kept for the backward pass.

    Parameters
    ----------
    device : str
    before : int
        Bytes that were allocated on a CUDA device before anything of the stage was.

    Attributes
    ----------
    bytes : int
        Of the step done last.
    counts_all : bool
        Whether they include weights, gradients and whatever else a step works with.
    """

    def __init__(self, device: str, before: int) -> None:
        self.counts_all = device.startswith("cuda")
        self.bytes = 0
        self._device = device
        self._before = before

    def of(self, step: Callable[[], None]) -> None:
        """Do the step and take its peak."""
        if self.counts_all:
            torch.cuda.reset_peak_memory_stats(self._device)
            step()
            self.bytes = torch.cuda.max_memory_allocated(self._device) - self._before
            return
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            if not any(isinstance(one, torch.nn.Parameter) for one in (tensor, tensor._base)):
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            step()
        self.bytes = sum(kept.values())
