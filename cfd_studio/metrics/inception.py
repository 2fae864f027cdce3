"""Inception-v3 as torch-fidelity has it, and the two figures that belong to it: KID and the Inception score.

FID, precision and recall are no matter of Inception alone: see `cfd_studio.metrics.frechet` and
`cfd_studio.metrics.manifold`.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

FEATURES = 2048
# Of torch-fidelity's own file, with which published figures are measured; other weights are another space.
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
KID_SUBSETS, KID_SUBSET_SIZE, SPLITS, SEED = 100, 1000, 10, 2020  # as torch-fidelity chooses them
BATCH_SIZE = 50


class InceptionError(Exception):
    """Weights that are not those of this network, in one clause."""


class Perceived(NamedTuple):
    """What Inception says of images: features of shape (N, 2048), logits without bias of shape (N, 1008)."""

    features: Tensor
    logits: Tensor


class Inception:
    """The feature extractor behind FID (Heusel et al. 2017), with the resizing and arithmetic of the first code.

    Parameters
    ----------
    state : Mapping of str to Tensor
        The network's state dict.
    device : str

    Raises
    ------
    InceptionError
        Where names, shapes or numbers are not those of this network.
    """

    def __init__(self, state: Mapping[str, Any], device: str) -> None:
        self._device = device
        self._network = _build(state).to(device)

    @torch.no_grad()
    def __call__(self, images: Tensor, on_chunk: Callable[[], None] | None = None) -> Perceived:
        """Return what the network says of uint8 images of shape (N, C, H, W), on the CPU; grey ones count as RGB.

        Parameters
        ----------
        images : Tensor
        on_chunk : callable, optional
            Called before every few images; may raise to end early.
        """
        assert images.dtype == torch.uint8
        features, logits = [], []
        for part in images.split(BATCH_SIZE):
            if on_chunk is not None:
                on_chunk()
            seen, said = self._network(part.to(self._device).expand(-1, 3, -1, -1))
            features.append(seen.cpu())
            logits.append(said.cpu())
        return Perceived(torch.cat(features), torch.cat(logits))


def kernel_distance(samples: Tensor, real: Tensor, *, on_chunk: Callable[[], None] | None = None) -> float:
    """Return the Kernel Inception Distance of features of shape (N, F) and (M, F) (Binkowski et al. 2018, sec. 4).

    The unbiased squared MMD of the kernel ``(x . y / F + 1)^3``, averaged over 100 pairs of random subsets of 1,000,
    or of all where there are fewer. The subsets are those that torch-fidelity draws. A value may lie a little below 0.

    Parameters
    ----------
    samples, real : Tensor of float32, on the CPU
    on_chunk : callable, optional
        Called before every subset; may raise to end early.
    """
    from torch_fidelity.metric_kid import kernel_mmd

    size = min(KID_SUBSET_SIZE, len(samples), len(real))
    # As torch-fidelity's kid_features_to_metric does, which nobody could stop for a minute.
    generator = np.random.RandomState(SEED)
    distances = []
    for _ in range(KID_SUBSETS):
        if on_chunk is not None:
            on_chunk()
        a = samples.numpy()[generator.choice(len(samples), size, replace=False)]
        b = real.numpy()[generator.choice(len(real), size, replace=False)]
        distances.append(kernel_mmd(a, b))
    return float(np.mean(distances))


def inception_score(logits: Tensor) -> float:
    """Return the Inception score of logits of shape (N, 1008) (Salimans et al. 2016, sec. 4).

    ``exp(mean KL(p(y | x) || p(y)))``, averaged over 10 parts of the shuffled images, or as many parts as there are
    images; from 1, higher is better. It knows of no real images.
    """
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    return float(
        isc_features_to_metric(logits, splits=min(SPLITS, len(logits)), shuffle=True, rng_seed=SEED)[
            KEY_METRIC_ISC_MEAN
        ]
    )


def weights_source() -> str:
    """Return the address from which torch-fidelity downloads the weights."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    return str(URL_INCEPTION_V3)


def _build(state: Mapping[str, Any]) -> nn.Module:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or not torch.isfinite(value).all():
            raise InceptionError(f"what it calls {str(name)[:60]} is no finite tensor")
    # torch-fidelity unpickles whatever file it is given: it is given what was written right here, names and shapes. On
    # the meta device no random weights are drawn, which somebody who trains beside would notice.
    file = io.BytesIO()
    torch.save({name: value.to("meta") for name, value in state.items()}, file)
    file.seek(0)
    try:
        with torch.device("meta"):
            network: nn.Module = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], file)
    except RuntimeError as error:
        if "state_dict" not in str(error):
            raise
        raise InceptionError(f"it holds {len(state):,} tensors of another network") from None
    network.load_state_dict(state, assign=True)
    return network.float()
