"""The feature spaces in which images are compared: a classifier's, Inception's, and pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.data.images import to_float
from cfd_studio.engine.audience import Audience
from cfd_studio.engine.inception import load_inception
from cfd_studio.engine.loading import load_network
from cfd_studio.engine.portions import for_classifier
from cfd_studio.metrics.inception import FEATURES, WEIGHTS_SHA256, Inception
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import INCEPTION, INCEPTION_SPACE
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.runs.folder import RunFolder

LARGEST_PIXEL_SIDE = 8


class Look(NamedTuple):
    """What a space shows of images: features of shape (N, F), and Inception's logits of shape (N, 1008)."""

    features: Tensor
    logits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """One feature space.

    Attributes
    ----------
    name : str
        As in a figure: ``judge (mlp, 64 features)``.
    look : callable
        Maps uint8 images on the device to what is seen, and calls its second argument now and then.
    key : str
        Digest of what looks, where real images are worth looking at once only; else empty.
    """

    name: str
    look: Callable[[Tensor, Callable[[], None]], Look]
    key: str = ""


def spaces_of(run: RunFolder, config: RunConfig, device: str, inception_file: str, audience: Audience) -> list[Space]:
    """Return the spaces in which a run's models are judged: its judge's, Inception's if it is wanted, and pixels.

    Raises
    ------
    CfdError
        Where weights are missing, damaged, or cannot be downloaded.
    """
    spaces = []
    if config.evaluation.judge is not None:
        stage = config.stage(config.evaluation.judge)
        assert isinstance(stage, ClassifierStage)
        judge = load_network(run, config, stage.id, device)
        spaces.append(Space(f"{stage.id} ({stage.architecture}, {stage.features} features)", partial(_classify, judge)))
    if config.evaluation.inception:
        inception, digest = load_inception(inception_file, device, audience)
        other = f"{INCEPTION} (Inception-v3 with weights {digest[:8]}, {FEATURES} features)"
        name = INCEPTION_SPACE if digest == WEIGHTS_SHA256 else other
        spaces.append(Space(name, partial(_perceive, inception), digest))
    spaces.append(Space("pixels", _pixels))
    return spaces


@torch.no_grad()
def _classify(classifier: nn.Module, images: Tensor, on_chunk: Callable[[], None]) -> Look:
    seen = []
    for part in for_classifier(classifier, images, str(images.device)):
        on_chunk()
        seen.append(classifier(part).features.cpu())
    return Look(torch.cat(seen))


def _perceive(inception: Inception, images: Tensor, on_chunk: Callable[[], None]) -> Look:
    return Look(*inception(images, on_chunk))


def _pixels(images: Tensor, on_chunk: Callable[[], None]) -> Look:
    on_chunk()
    side = min(LARGEST_PIXEL_SIDE, images.shape[-1])
    return Look(functional.adaptive_avg_pool2d(to_float(images), side).flatten(1).cpu())
