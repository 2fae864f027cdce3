"""Weights as safetensors files: nothing in them can run."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import UNFIT, memory_of_this_machine, open_bounded, read_bounded

# One key only: the writer orders several at random, and equal weights should be equal files.
METADATA_KEY = "cfd-studio"
LARGEST_HEADER = 8 * 2**20
_DIGEST = "sha256"
_PREFIX = 8  # bytes that hold the header's length
_DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
)


def save_weights(path: Path, network: nn.Module, metadata: dict[str, str]) -> None:
    """Write what `weights_bytes` returns, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, weights_bytes(network, metadata))


def weights_bytes(network: nn.Module, metadata: dict[str, str]) -> bytes:
    """Return the file of a network's state dict, with a digest by which later damage is found.

    Parameters
    ----------
    network : nn.Module
    metadata : dict of str to str
        What, beside the run's config, is needed to build the network again.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    signed = metadata | {_DIGEST: _digest(state, metadata)}
    return save(state, metadata={METADATA_KEY: json.dumps(signed, sort_keys=True)})


def load_weights(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file and its metadata.

    They are copies: a file that is mapped into memory would change the network, or end the process, when it changes.

    Raises
    ------
    CfdError
        Where the file is missing, a link, truncated, altered, no safetensors file, larger than this machine's memory,
        or where a number in it is not finite.
    OSError
        Where the disk fails.
    """
    with _said(path):
        data = read_bounded(path, memory_of_this_machine())
        metadata = _metadata(data[_PREFIX : _PREFIX + _header_size(data)])
        tensors = load(data)
        signed = metadata.pop(_DIGEST, None)
        for name, tensor in tensors.items():
            if tensor.dtype not in _DTYPES or not torch.isfinite(tensor).all():
                raise ValueError(f"tensor {name} holds what is no finite number")
        if signed is not None and signed != _digest(tensors, metadata):
            raise ValueError("they are not the ones that were written")
    return {name: tensor.to(device) for name, tensor in tensors.items()}, metadata


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a weights file says of its network, without reading the tensors.

    Raises
    ------
    CfdError
        As `load_weights`, as far as the header shows it.
    """
    with _said(path), open_bounded(path) as file:
        size = _header_size(file.read(_PREFIX))
        header = file.read(size)
        if len(header) < size:
            raise ValueError("the header is cut")
        metadata = _metadata(header)
        metadata.pop(_DIGEST, None)
        return metadata


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn whatever a bad file raises into the sentence about it."""
    try:
        yield
    except FileNotFoundError:
        raise CfdError("there are no weights yet", where=str(path), advice="Train the stage first.") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno not in UNFIT:
            raise  # nothing is wrong with the weights themselves, and nobody should delete them
        why = error.strerror if isinstance(error, OSError) else error
        raise CfdError(
            f"the weights are damaged or no safetensors file ({why})",
            where=str(path),
            advice="Delete the file and resume the run: the stage is rebuilt from its newest checkpoint.",
        ) from None


def _header_size(data: bytes) -> int:
    size = int.from_bytes(data[:_PREFIX], "little")
    if size > LARGEST_HEADER:
        raise ValueError(f"the header claims {size:,} bytes")
    return size


def _metadata(header: bytes) -> dict[str, str]:
    outer = strict_json.loads(header)
    inner = outer.get("__metadata__", {}) if isinstance(outer, dict) else None
    text = inner.get(METADATA_KEY, "{}") if isinstance(inner, dict) else None
    values = strict_json.loads(text) if isinstance(text, str) else None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ValueError("its metadata is no JSON object of texts")
    return values


def _digest(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """Return the SHA-256 of names, dtypes, shapes, contents and metadata, in an order of its own."""
    total = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def fill(network: nn.Module, tensors: dict[str, Tensor], where: Path) -> None:
    """Give a network built on the meta device its weights.

    Raises
    ------
    CfdError
        Where names, shapes or dtypes do not fit.
    """
    wanted = network.state_dict()
    missing, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    shapes = sorted(
        name
        for name in wanted.keys() & tensors.keys()
        if (wanted[name].shape, wanted[name].dtype) != (tensors[name].shape, tensors[name].dtype)
    )
    if wrong := missing + unknown + shapes:
        raise CfdError(
            f"the weights belong to another network ({len(wrong)} tensors differ, {wrong[0]} first)",
            where=str(where),
            advice="Put back the file that this run wrote.",
        )
    network.load_state_dict(tensors, assign=True)
