"""Several processes that train one run together. Rank 0 alone writes; the others compute their share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from enum import IntEnum
from inspect import signature
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

# What torch calls the exchange of buffers before every forward pass, which our networks do not need.
_SYNC = "forward_sync_buffers" if "forward_sync_buffers" in signature(DistributedDataParallel).parameters else None
_OPTIONS: dict[str, Any] = {_SYNC or "broadcast_buffers": False}
PATIENCE = timedelta(days=30)  # the others wait for as long as rank 0 is paused, or judges


class Word(IntEnum):
    """What rank 0 tells the others at every fork of the way."""

    GO = 1
    SKIP = 2
    STOP = 3


class Ranks:
    """The processes of one job, as seen by one of them; alone where nothing is said.

    Parameters
    ----------
    rank, size : int, optional
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size
        self._in_step = False

    @property
    def first(self) -> bool:
        """Whether this one writes and decides."""
        return self.rank == 0

    def mean(self, tensor: Tensor) -> Tensor:
        """Return the mean of a tensor over all ranks, without a gradient; every rank calls it and gets the same."""
        if self.size == 1:
            return tensor
        total = tensor.detach().clone()
        distributed.all_reduce(total)
        return total / self.size

    def silent(self) -> "Ranks":
        """Return one that has this one's share of every batch and exchanges nothing."""
        return _Silent(self.rank, self.size)

    def say(self, word: int) -> int:
        """Return what rank 0 said: its own ``word``, whatever the others put in."""
        if self.size == 1:
            return word
        said = torch.tensor([word], dtype=torch.int64)
        distributed.broadcast(said, 0)
        return int(said)

    def tell(self, text: str = "") -> str:
        """Return the text that rank 0 said."""
        if self.size == 1:
            return text
        size = self.say(len(text.encode()))
        content = torch.tensor(list(text.encode()) if self.first else [0] * size, dtype=torch.uint8)
        distributed.broadcast(content, 0)
        return bytes(content.tolist()).decode()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Work that all ranks do in step; an error within leaves the others where no word reaches them."""
        self._in_step = True
        yield
        self._in_step = False

    def release(self) -> None:
        """Let the others end as well, whatever the reason; where they are out of reach, they notice."""
        if self.first and not self._in_step:
            with suppress(RuntimeError):
                self.say(Word.STOP)

    def spread(self, network: nn.Module) -> nn.Module:
        """Return a network whose backward pass averages the gradient over the ranks; alone, the network itself."""
        if self.size == 1:
            return network
        return DistributedDataParallel(network, **_OPTIONS)


class _Silent(Ranks):
    def mean(self, tensor: Tensor) -> Tensor:
        return tensor


def announced_rank() -> int:
    """Return which rank `torchrun` says this process is, before it has joined the others; 0 without it."""
    return int(os.environ.get("RANK", "0"))


def announced_size() -> int:
    """Return of how many processes `torchrun` says this is one; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Meet the other processes that `torchrun` started; alone where it started none.

    Parameters
    ----------
    device : str
        What this process computes on: nccl joins CUDA devices, gloo everything else.
    """
    size = announced_size()
    if size == 1:
        yield Ranks()
        return
    backend = "cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo"
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Ranks(announced_rank(), size)
    finally:
        distributed.destroy_process_group()
