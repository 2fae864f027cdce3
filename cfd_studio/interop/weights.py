"""Weights as safetensors files: nothing in them can run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic

# One key only: the writer orders several at random, and equal weights should be equal files.
METADATA_KEY = "cfd-studio"


def save_weights(path: Path, network: nn.Module, metadata: dict[str, str]) -> None:
    """Write a network's state dict, whole or not at all.

    Parameters
    ----------
    path : Path
    network : nn.Module
    metadata : dict of str to str
        What, beside the run's config, is needed to build the network again.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, save(state, metadata={METADATA_KEY: json.dumps(metadata, sort_keys=True)}))


def load_weights(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file and its metadata.

    Raises
    ------
    CfdError
        Where the file is missing, truncated or no safetensors file.
    """
    with _opened(path, device) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
        return tensors, _metadata(file)


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a weights file says of its network, without reading the tensors.

    Raises
    ------
    CfdError
        As `load_weights`.
    """
    with _opened(path, "cpu") as file:
        return _metadata(file)


@contextmanager
def _opened(path: Path, device: str) -> Iterator[Any]:
    if not path.is_file():
        raise CfdError("there are no weights yet", where=str(path), advice="Train the stage first.")
    try:
        with safe_open(path, framework="pt", device=device) as file:
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise CfdError(
            f"the weights are damaged or no safetensors file ({error})",
            where=str(path),
            advice="Delete the file and resume the run: the stage is rebuilt from its newest checkpoint.",
        ) from None


def _metadata(file: Any) -> dict[str, str]:
    values = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    if not isinstance(values, dict):
        raise ValueError("its metadata is no JSON object")
    return {str(key): str(value) for key, value in values.items()}


def fill(network: nn.Module, tensors: dict[str, Tensor], where: Path) -> None:
    """Give a network built on the meta device its weights.

    Raises
    ------
    CfdError
        Where names or shapes do not fit.
    """
    wanted = network.state_dict()
    missing, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    shapes = [name for name in wanted.keys() & tensors.keys() if wanted[name].shape != tensors[name].shape]
    if wrong := missing + unknown + shapes:
        raise CfdError(
            f"the weights belong to another network ({len(wrong)} tensors differ, {wrong[0]} first)",
            where=str(where),
            advice="Put back the file that this run wrote.",
        )
    network.load_state_dict(tensors, assign=True)
