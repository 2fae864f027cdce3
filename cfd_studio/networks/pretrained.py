"""torchvision's weights for ImageNet: where they are to be had, where they lie, and under the names of today."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

_OLD_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)")
_HASH = re.compile(r"-([a-f0-9]{8,})\.")


class PublishedWeights(NamedTuple):
    """A file of weights as torchvision publishes it.

    Attributes
    ----------
    url : str
    path : Path
        Where torch keeps it on this machine.
    sha256 : str
        How its SHA-256 sum begins.
    """

    url: str
    path: Path
    sha256: str


def imagenet_weights(architecture: str) -> PublishedWeights:
    """Return which file torchvision's first weights for ImageNet are.

    Parameters
    ----------
    architecture : str
        As torchvision calls it.
    """
    # Takes seconds to import, and few runs need it.
    from torchvision.models import get_model_weights

    url = get_model_weights(architecture)["IMAGENET1K_V1"].url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    named = _HASH.search(path.name)
    assert named is not None, "torchvision names its files by their hash"
    return PublishedWeights(url, path, named.group(1))


def modern_names(tensors: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of an old file as a network of today names them.

    DenseNets of old have a dot more in their names, and old batch normalisation did not count its batches.
    """
    renamed = {_OLD_NAME.sub(r"\1\2", name): tensor for name, tensor in tensors.items()}
    counts = {
        name: torch.zeros((), dtype=torch.int64)
        for name in network.state_dict()
        if name.endswith("num_batches_tracked") and name.replace("num_batches_tracked", "running_mean") in renamed
    }
    return counts | renamed
