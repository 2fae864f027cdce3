"""Precision and recall: what share of the samples lies among real images, and of real images among the samples."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

NEIGHBOURS = 3
# Distances in memory at once: 128 MiB of float64.
_CHUNK = 2**24
# Distances come from a matrix product, which leaves twins about 1e-8 of their norm apart instead of none.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Manifold:
    """A set of features as the union of balls around each (Kynkäänniemi et al. 2019, arXiv 1904.06991, sec. 2).

    Attributes
    ----------
    points : Tensor, shape (N, F)
    radii : Tensor of float64, shape (N,)
        How far it is to the nearest neighbour number `NEIGHBOURS` of the same set, itself not counted.
    """

    points: Tensor
    radii: Tensor

    @classmethod
    def of(cls, features: Tensor, *, on_chunk: Callable[[], None] | None = None) -> "Manifold":
        """Measure features of shape (N, F), N above `NEIGHBOURS`, on the device they lie on.

        Parameters
        ----------
        features : Tensor
        on_chunk : callable, optional
            Called every few million distances; may raise to end early.
        """
        assert features.ndim == 2
        assert len(features) > NEIGHBOURS
        points = features.cpu() if features.device.type == "mps" else features  # Metal has no float64
        nearest = [part.topk(NEIGHBOURS + 1, largest=False).values for part in _distances(points, points, on_chunk)]
        rounding = _ROUNDING * (points - points[0]).norm(dim=1).amax()
        return cls(points, torch.cat(nearest).amax(dim=1) + rounding)

    def to(self, device: torch.device | str) -> "Manifold":
        """Return the set in a device's memory."""
        return Manifold(self.points.to(device), self.radii.to(device))


def precision_and_recall(
    samples: Manifold, real: Manifold, *, on_chunk: Callable[[], None] | None = None
) -> tuple[float, float]:
    """Return the share of samples within the real manifold, and of real images within that of the samples.

    Both in [0, 1] (eq. 1 and 2 of the paper). They depend on how many images stand on either side: compare figures
    of equal numbers only.
    """
    precise: list[Tensor] = []
    recalled = torch.zeros_like(real.radii, dtype=torch.bool)
    parts = _distances(samples.points, real.points, on_chunk)
    radii = samples.radii.split(_rows(real.points))
    for distances, sample_radii in zip(parts, radii, strict=True):
        precise.append((distances <= real.radii).any(dim=1))
        recalled |= (distances <= sample_radii[:, None]).any(dim=0)
    return float(torch.cat(precise).double().mean()), float(recalled.double().mean())


def _distances(a: Tensor, b: Tensor, on_chunk: Callable[[], None] | None) -> Iterator[Tensor]:
    """Yield the distances in float64 of a few points of ``a`` at a time to all of ``b``: shape (rows, len(b))."""
    # Seen from one of the points, not from a far-off zero: the product of large numbers would drown their difference.
    origin = b[0].double()
    others = b.double() - origin
    norms = others.square().sum(dim=1)
    for part in a.split(_rows(b)):
        if on_chunk is not None:
            on_chunk()
        # |p - b|^2 = |b|^2 - 2 p b + |p|^2, as in torch.cdist, which takes the norms and copies of all b every time.
        points = part.double() - origin
        squares = torch.addmm(norms, points, others.T, alpha=-2).add_(points.square().sum(dim=1, keepdim=True))
        yield squares.clamp_(min=0).sqrt_()


def _rows(b: Tensor) -> int:
    return max(1, _CHUNK // len(b))
