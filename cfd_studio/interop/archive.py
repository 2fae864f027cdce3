"""What a checkpoint's file claims, checked before torch acts on it.

`torch.load` runs no code of a file that it is told not to trust, but it does what the file says: it inflates
compressed entries a thousandfold and builds byte arrays of any size. What `torch.save` writes needs neither.
"""

import io
import pickletools
import struct
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import torch
from torch import Tensor

_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_BUILDERS = {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "collections OrderedDict"}
_NAMES = _BUILDERS | {f"torch {kind}Storage" for kind in _STORAGES}


def load_archive(data: bytes, device: str) -> Any:
    """Return what `torch.save` wrote; nothing in it is executed, and it is no larger than the file.

    Raises
    ------
    ValueError
        Where the file is nothing that `torch.save` writes of tensors and plain values.
    Exception
        Nearly any, out of torch, where it is damaged.
    """
    _check_directory(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if any(
            entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size for entry in entries
        ):
            raise ValueError("it is compressed")
        if sum(entry.file_size for entry in entries) > len(data):
            raise ValueError("its entries overlap")
        names = [entry.filename for entry in entries]
        if len(set(names)) < len(names) or len({name.partition("/")[0] for name in names}) != 1:
            raise ValueError("its entries have the same name, or no common one")
        for name in names:
            if name.endswith(".pkl"):
                check_names(archive.read(name))
    loaded = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    if any(tensor.numel() * tensor.itemsize > tensor.untyped_storage().nbytes() for tensor in _tensors(loaded)):
        raise ValueError("a tensor claims more than its storage holds")
    return loaded


def _check_directory(data: bytes) -> None:
    """Make sure that there is one way only to find the archive's directory: right before its end record."""
    end = len(data) - 22
    if end < 0 or data[:4] != b"PK\x03\x04" or data[end : end + 4] != b"PK\x05\x06" or data[-2:] != b"\0\0":
        raise ValueError("it is no archive of torch")
    size, start = struct.unpack_from("<II", data, end + 12)
    if data[max(end - 20, 0) : end][:4] == b"PK\x06\x07":  # large archives: the 64-bit record, then its locator
        (found,) = struct.unpack_from("<Q", data, end - 12)
        end -= 76
        if end < 0 or found != end or data[end : end + 4] != b"PK\x06\x06":
            raise ValueError("its directory lies in two places")
        size, start = struct.unpack_from("<QQ", data, end + 40)
    if start + size != end:
        raise ValueError("its directory lies elsewhere")


def check_names(pickled: bytes | IO[bytes], *, also: frozenset[str] = frozenset()) -> None:
    """Make sure that a pickle names nothing but what tensors and dictionaries are built of.

    Parameters
    ----------
    pickled : bytes or binary stream
        A stream is read up to the end of its next pickle.
    also : frozenset of str, optional
        Further names, each a module and what is in it with a space between.

    Raises
    ------
    ValueError
        Where it names anything else.
    """
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in ("STACK_GLOBAL", "INST") or (opcode.name == "GLOBAL" and argument not in _NAMES | also):
            raise ValueError(f"it names {argument}")


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested containers, each once."""
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, (list, tuple)):
            waiting += one
