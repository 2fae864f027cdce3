"""Files of tensors from elsewhere: safetensors, and what torch wrote today or long ago. Nothing in them is executed."""

import io
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.interop.archive import check_names, load_archive
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.intake import memory_of_this_machine, read_bounded

_PREAMBLE = 3  # pickles before that of the tensors: the format's number, its version, the machine that wrote it
_PICKLES = _PREAMBLE + 2  # the last one lists the storages
_OF_OLD = frozenset({"torch._utils _rebuild_tensor", "torch.nn.parameter Parameter"})  # in files of before 2018


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a person's own file, by name.

    Raises
    ------
    CfdError
        Where it cannot be read, or holds anything else.
    """
    try:
        data = read_bounded(path, memory_of_this_machine(), follow=True)
        tensors: Any
        if path.suffix == ".safetensors":
            tensors = load(data)
        elif data[:2] == b"PK":
            tensors = load_archive(data, "cpu")
        else:
            tensors = _load_old(data)
        if not isinstance(tensors, dict) or not all(
            isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
        ):
            raise ValueError("it holds more than tensors with names")
        if sum(tensor.numel() * tensor.itemsize for tensor in tensors.values()) > len(data):
            raise ValueError("its tensors claim more than it holds")
    except Exception as error:  # torch's unpickler raises nearly anything on hostile content
        if out_of_memory(error):
            raise
        said = isinstance(error, OSError | ValueError | SafetensorError)
        why = (error.strerror if isinstance(error, OSError) else error) if said else "torch refuses it"
        raise CfdError(
            f"holds no weights that can be read ({why})", where=str(path), advice="Name another file in a new run."
        ) from None
    return {name: tensor.detach() for name, tensor in tensors.items()}


def _load_old(data: bytes) -> Any:
    """Return what torch wrote before it wrote archives, as the older ones of torchvision's files are.

    Raises
    ------
    ValueError
        Where it names what no tensor needs, or its storages claim more than the file holds: torch would make room for
        either before it looks.
    """
    stream = io.BytesIO(data)
    for _ in range(_PICKLES):
        check_names(stream, also=_OF_OLD)
    stream.seek(0)
    for _ in range(_PREAMBLE):
        for _opcode in pickletools.genops(stream):
            pass
    if sum(_storages(stream)) > len(data):
        raise ValueError("it claims more than it holds")
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _storages(stream: io.BytesIO) -> Iterator[int]:
    """Yield how many numbers each storage of the next pickle claims."""
    before: list[tuple[str, object]] = []
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("BINPERSID", "PERSID"):
            # ('storage', type, name, device, count, None): the count as a number, not as a reference to one
            names = [name for name, _ in before[-2:]]
            count = before[-3][1] if len(before) > 2 else None
            if names != ["NONE", "TUPLE"] or type(count) is not int or count < 0:
                raise ValueError("it names a storage in another way than torch does")
            yield count
        if not opcode.name.endswith(("PUT", "MEMOIZE")):
            before = [*before[-2:], (opcode.name, argument)]
