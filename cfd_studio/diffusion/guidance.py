"""Classifier-free guidance: what a class adds to an image, exaggerated."""

import torch
from torch import Tensor

from cfd_studio.diffusion.denoiser import Denoiser


class GuidedDenoiser(Denoiser):
    """A class-conditional denoiser guided by itself (Ho & Salimans 2022, arXiv 2207.12598, eq. 6).

    ``x_hat = x_null + weight (x_label - x_null)``. The paper guides eps, which is the same: for one z, x_hat is an
    affine function of eps. Its w counts from 0, ``weight = 1 + w``. Where the class is hidden (-1) nothing is added.

    Parameters
    ----------
    denoiser : Denoiser
        Of a network that was also trained without classes.
    weight : float
        1 is the model itself, 0 the model without classes.
    """

    def __init__(self, denoiser: Denoiser, weight: float) -> None:
        super().__init__(denoiser.network, denoiser.to_image, denoiser.schedule)
        self.weight = weight

    def __call__(self, z: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the guided x_hat, shape (B, C, H, W), of two network calls; ``labels`` are required."""
        assert labels is not None
        x_label = super().__call__(z, t, labels)
        x_null = super().__call__(z, t, torch.full_like(labels, -1))
        return x_null + self.weight * (x_label - x_null)


def guided(denoiser: Denoiser, weight: float) -> Denoiser:
    """Return the denoiser guided with a weight; with weight 1 that is itself, at one network call."""
    return denoiser if weight == 1 else GuidedDenoiser(denoiser, weight)
