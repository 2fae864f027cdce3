"""A batch with everything random about it drawn, and the shares it is worked off in."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

# Takes the mean of a tensor over a share of a batch and returns its mean over the whole batch.
Gather = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Batch:
    """What an objective compares.

    Every rank draws the whole batch from the same generator and then takes its share, so that a run sees the same
    images, levels and noise whatever the number of ranks and parts.

    Attributes
    ----------
    images : Tensor, shape (B, C, H, W)
        Range [-1, 1].
    labels : Tensor of int64, shape (B,), or None
        Classes, -1 for a hidden one; None where nobody asks for them.
    levels : Tensor of int64, shape (B,), or None
        On the base grid.
    noise : Tensor, shape (B, C, H, W), or None
        Standard normal.
    weight : float
        What the mean over this share counts: the mean over the ranks of the weighted sums is the mean over the batch.
    target : Tensor, shape (B, C, H, W), or None
        What a teacher makes of it, where that was computed ahead.
    """

    images: Tensor
    labels: Tensor | None = None
    levels: Tensor | None = None
    noise: Tensor | None = None
    weight: float = 1.0
    target: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def shares(self, parts: int, rank: int = 0, ranks: int = 1) -> list["Batch"]:
        """Return what one rank works off, in at most ``parts`` parts, none of them empty."""
        if parts == 1 and ranks == 1:
            return [self]
        rows = torch.arange(len(self), device=self.images.device)[rank::ranks]
        assert len(rows), "a batch must hold an image for every rank"
        return [self._take(part, ranks) for part in rows.tensor_split(parts) if len(part)]

    def _take(self, rows: Tensor, ranks: int) -> "Batch":
        return replace(
            self,
            images=self.images[rows],
            labels=None if self.labels is None else self.labels[rows],
            levels=None if self.levels is None else self.levels[rows],
            noise=None if self.noise is None else self.noise[rows],
            target=None if self.target is None else self.target[rows],
            weight=len(rows) * ranks / len(self),
        )
