"""torchvision's weights for ImageNet: where they lie, fetched where they do not, and under the names of today."""

import re
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

_OLD_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)")
_HASH = re.compile(r"-([a-f0-9]{8,})\.")


class UnavailableError(Exception):
    """Weights that are not on this machine and cannot be fetched.

    Attributes
    ----------
    path : Path
        Where they are looked for.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} is not on this machine and cannot be downloaded ({why})")
        self.path = path


def fetch_imagenet(architecture: str) -> Path:
    """Return the file of torchvision's first weights for ImageNet; it is downloaded where torch keeps such files.

    Parameters
    ----------
    architecture : str
        As torchvision calls it.

    Raises
    ------
    UnavailableError
        Where the file is missing and the download fails, or is not what its name's hash says.
    """
    # Takes seconds to import, and few runs need it.
    from torchvision.models import get_model_weights

    url = get_model_weights(architecture)["IMAGENET1K_V1"].url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if not path.exists():
        expected = _HASH.search(path.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), expected.group(1) if expected else None, progress=False)
        except (OSError, HTTPException, RuntimeError) as error:
            raise UnavailableError(path, str(error)) from None
    return path


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
