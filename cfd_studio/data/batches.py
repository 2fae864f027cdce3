"""Batches of indices that depend on nothing but a seed and a position."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


class Batches(Iterator[Tensor]):
    """An endless stream of batches: every epoch visits each image once, in an order drawn from (seed, epoch).

    Parameters
    ----------
    count : int
        Images in the set.
    batch_size : int
        May exceed ``count``, then a batch crosses epochs.
    seed : int
        Not negative.
    rows : Tensor of int64, shape (count,), optional
        What is handed out in place of 0, 1, ..., count - 1: where a set is a part of a larger one.

    Attributes
    ----------
    count : int
    position : int
        Batches handed out so far; set it to go on from there.
    """

    def __init__(self, count: int, batch_size: int, seed: int, rows: Tensor | None = None) -> None:
        assert count > 0
        assert batch_size > 0
        assert rows is None or len(rows) == count
        self.count = count
        self._rows = rows
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)
        self.position = 0

    def __next__(self) -> Tensor:
        """Return the next batch: int64 indices, shape (batch_size,)."""
        start = self.position * self._batch_size
        picked: list[np.int64] = []
        while len(picked) < self._batch_size:
            epoch, offset = divmod(start + len(picked), self.count)
            order = self._epoch_order(epoch)
            picked.extend(order[offset : offset + self._batch_size - len(picked)])
        self.position += 1
        chosen = torch.from_numpy(np.asarray(picked))
        return chosen if self._rows is None else self._rows[chosen]

    def _epoch_order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if epoch != self._epoch:
            self._order = np.random.Generator(np.random.Philox(key=[self._seed, epoch])).permutation(self.count)
            self._epoch = epoch
        return self._order
