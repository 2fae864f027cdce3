"""Checkpoints of the published CFD code (zju-SWJ/RCFD): what a file holds, found out from names and shapes."""

import errno
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cfd_studio.interop.archive import load_archive
from cfd_studio.interop.reference_classifier import ClassifierLayout, read_classifier
from cfd_studio.interop.reference_unet import UNetLayout, read_unet
from cfd_studio.interop.state import Misfit, State
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.intake import memory_of_this_machine, read_bounded

_ADVICE = "Give the ckpt.pt of the published CFD code, or one of its classifiers."
_OF_A_MODEL = frozenset({"net_model", "ema_model", "x_T", "T", "time_scale"})


@dataclass(frozen=True, slots=True)
class ReferenceModel:
    """A diffusion model.

    Attributes
    ----------
    which : str
        The entry that its weights were taken from: ``ema_model`` where the file has it, else ``net_model``.
    layout : UNetLayout
    weights : dict of Tensor
        By the names of `cfd_studio.networks.unet.UNet`, float32.
    own_steps, num_timesteps : int
        Network calls it was made for, and T of the base grid, a multiple.
    image_size : int or None
        Side of the start noise that the file holds; None where it holds none.
    """

    which: str
    layout: UNetLayout
    weights: State
    own_steps: int
    num_timesteps: int
    image_size: int | None


@dataclass(frozen=True, slots=True)
class ReferenceClassifier:
    """A classifier; its weights go by torchvision's names. ``which`` is the entry that they were taken from."""

    which: str
    layout: ClassifierLayout
    weights: State


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """What was found in a file.

    Attributes
    ----------
    path : Path
        As it was given.
    size : int
        Bytes.
    sha256 : str
        Of the whole file.
    content : ReferenceModel or ReferenceClassifier
    left_aside : tuple of str
        Entries that nothing here needs: an optimizer's state, a step.
    """

    path: Path
    size: int
    sha256: str
    content: ReferenceModel | ReferenceClassifier
    left_aside: tuple[str, ...]


def read_reference(path: Path) -> ReferenceFile:
    """Read a checkpoint. Nothing in it is executed, and it takes no more memory than a few times its size.

    Raises
    ------
    CfdError
        Where the file is missing, no plain file, damaged, larger than the memory, or holds another network than the
        published one; missing and unknown entries are named.
    """
    try:
        data = read_bounded(path, memory_of_this_machine(), follow=True)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise
        raise CfdError(f"cannot be read ({error.strerror})", where=str(path), advice="Give another file.") from None
    try:
        entries = load_archive(data, "cpu")
    except MemoryError:
        raise
    except Exception as error:  # torch's unpickler raises nearly anything on hostile content
        why = f" ({error})" if isinstance(error, ValueError) else ""
        raise CfdError(f"is no checkpoint that can be read safely{why}", where=str(path), advice=_ADVICE) from None
    try:
        content = _content(entries, len(data))
    except Misfit as error:
        raise CfdError(str(error), where=str(path), advice=_ADVICE) from None
    known = {content.which} if isinstance(content, ReferenceClassifier) else _OF_A_MODEL
    left = tuple(sorted(str(key) for key in entries.keys() - known))
    return ReferenceFile(path, len(data), hashlib.sha256(data).hexdigest(), content, left)


def _content(entries: Any, size: int) -> ReferenceModel | ReferenceClassifier:
    if not isinstance(entries, dict):
        raise Misfit("holds no named entries")
    if "model" in entries and not _OF_A_MODEL & entries.keys():
        shape, weights = read_classifier(_state(entries, "model", size))
        return ReferenceClassifier("model", shape, _in_float32(weights))
    which = "ema_model" if "ema_model" in entries else "net_model"
    missing = [key for key in (which, "T", "time_scale") if key not in entries]
    if missing:
        raise Misfit(f"has no {', '.join(missing)}")
    own_steps, time_scale = (_whole(entries, key) for key in ("T", "time_scale"))
    state = _state(entries, which, size)
    layout, weights = read_unet(state, num_timesteps=own_steps * time_scale)
    side = _side(entries["x_T"], layout.image_channels) if "x_T" in entries else None
    return ReferenceModel(which, layout, _in_float32(weights), own_steps, own_steps * time_scale, side)


def _state(entries: Mapping[str, Any], which: str, size: int) -> State:
    """Return a state dict as the file has it, but without the prefix that `DataParallel` gives each name."""
    state = entries[which]
    if not isinstance(state, dict) or not state:
        raise Misfit(f"holds no state dict in {which}")
    for name, tensor in state.items():
        named = isinstance(name, str) and isinstance(tensor, Tensor)
        counter = named and name.endswith("num_batches_tracked")  # of batch normalisation
        if not named or not (counter or tensor.is_floating_point()):
            raise Misfit(f"holds in {which} what is no named tensor of real numbers ({str(name)[:80]})")
    if sum(tensor.numel() * tensor.itemsize for tensor in state.values()) > size:
        raise Misfit(f"holds tensors in {which} that overlap")  # apart from each other they would outgrow the file
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise Misfit(f"holds numbers in {which} that are not finite ({name[:120]})")
    prefix = "module." if all(name.startswith("module.") for name in state) else ""
    return {name.removeprefix(prefix): tensor.detach() for name, tensor in state.items()}


def _in_float32(weights: State) -> State:
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}


def _whole(entries: Mapping[str, Any], key: str) -> int:
    value = entries[key]
    if type(value) is not int or not 1 <= value <= 2**20:
        raise Misfit(f"names no number of steps in {key} ({str(value)[:40]})")
    return value


def _side(noise: Any, channels: int) -> int:
    shape = tuple(noise.shape) if isinstance(noise, Tensor) else ()
    if len(shape) != 4 or shape[1] != channels or shape[2] != shape[3]:
        raise Misfit(f"holds in x_T no start noise of square images with {channels} channels")
    return int(shape[2])
