"""What lies between images in [-1, 1] and what a classifier was made for."""

import torch
from torch import Tensor, nn
from torch.nn import functional

Moments = tuple[tuple[float, ...], tuple[float, ...]]


class ClassifierInput(nn.Module):
    """Repeats grey where a network wants colour, resizes, and normalises; each only where it is asked for.

    Parameters
    ----------
    channels : int
        That the network takes: images of one channel are repeated to as many.
    size : int, optional
        Side to which images are resized, bilinear with antialiasing, on their device.
    moments : (mean, deviation), optional
        Per channel, of images in [0, 1]; kept as the buffers ``mean`` and ``deviation``, shape (C, 1, 1).
    """

    mean: Tensor | None
    deviation: Tensor | None

    def __init__(self, channels: int, size: int | None = None, moments: Moments | None = None) -> None:
        super().__init__()
        self.channels = channels
        self.size = size
        mean, deviation = (None, None) if moments is None else (torch.tensor(one).view(-1, 1, 1) for one in moments)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the network is fed for images of shape (B, C, H, W) in [-1, 1]."""
        if x.shape[1] == 1 < self.channels:
            x = x.expand(-1, self.channels, -1, -1)
        if self.size is not None and x.shape[-2:] != (self.size, self.size):
            x = functional.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
        if self.mean is None or self.deviation is None:
            return x
        return ((x + 1) / 2 - self.mean) / self.deviation

    def set_moments(self, moments: Moments) -> None:
        """Replace mean and deviation, of which there must be some."""
        assert self.mean is not None
        assert self.deviation is not None
        for buffer, values in zip((self.mean, self.deviation), moments, strict=True):
            buffer.copy_(torch.tensor(values).view_as(buffer))

    def without_normalization(self) -> "ClassifierInput":
        """Return the same without the last step: the network is fed [-1, 1], as the published CFD code does."""
        return ClassifierInput(self.channels, self.size)
