"""A step waits for the device nowhere: what makes the host read a value is not called, or only where it is said."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cfd_studio.data.augment import Augment
from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.engine.classification import ClassifierObjective
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.fast_paths import FastPaths

# Each makes the host wait for a number, or for how large a result is.
_WAITING = {
    "_local_scalar_dense",
    "is_nonzero",
    "equal",
    "nonzero",
    "masked_select",
    "unique_dim",
    "_unique2",
    "bincount",
    "repeat_interleave",
}


class _Waits(TorchDispatchMode):
    """Notes which operations the host would wait for, were the tensors on another device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        by_mask = name.startswith(("index", "_index")) and any(
            index is not None and index.dtype in (torch.bool, torch.uint8)
            for index in (args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else [])
        )
        if name in _WAITING or by_mask:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


def _waits(trainer: Trainer, steps: int = 3) -> list[str]:
    trainer.step()  # the first makes what the others use
    with _Waits() as waits:
        for _ in range(steps):
            trainer.step()
    return waits.found


@pytest.mark.parametrize(("stage", "parts"), [("classifier", 1), ("teacher", 3), ("pd-4", 1), ("cfd-2", 3)])
def test_no_step_waits_for_the_device(make_trainer: Callable[..., Trainer], stage: str, parts: int) -> None:
    trainer = make_trainer(stage, parts=parts)
    assert _waits(trainer) == []
    assert trainer.tally.read() is not None


def test_crops_and_cutout_stay_on_the_device(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer("classifier")
    trainer.objective = ClassifierObjective(Augment(crop_padding=1, cutout=3), label_smoothing=0.1)
    assert _waits(trainer) == []


def test_what_is_not_deferred_is_read_once_a_step(make_trainer: Callable[..., Trainer]) -> None:
    assert _waits(make_trainer("teacher", FastPaths(deferred_reading=False)), 2) == ["_local_scalar_dense"] * 2


def test_what_travels_to_a_gpu_travels_from_pinned_memory_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    way: list[Any] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: way.append("pinned") or tensor)
    monkeypatch.setattr(Tensor, "to", lambda tensor, *where, **how: way.append((*map(str, where), how)) or tensor)
    images = torch.arange(12, dtype=torch.uint8).view(3, 1, 2, 2)
    some = ImageSet(images, torch.arange(3)).some(torch.tensor([2, 0]), torch.device("cuda:0"))
    assert way == ["pinned", ("cuda:0", {"non_blocking": True})] * 2
    assert [part.tolist() for part in some] == [images[[2, 0]].tolist(), [2, 0]]


def test_training_images_are_left_in_the_memory_of_the_computer_where_that_is_asked_for() -> None:
    images = ImageSet(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
    data = DataSet.of("tiny", images, images)
    left = data.to("meta", training=False)
    assert (left.train.images.device.type, left.held_out.images.device.type) == ("cpu", "meta")
    assert data.to("meta").train.images.device.type == "meta"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("stage", ["classifier", "teacher", "pd-4", "cfd-2"])
@pytest.mark.parametrize("on_device", [True, False])
def test_a_step_on_cuda_waits_for_nothing(make_trainer: Callable[..., Trainer], stage: str, on_device: bool) -> None:
    trainer = make_trainer(stage, FastPaths(data_on_device=on_device), device="cuda:0")
    trainer.step()
    torch.cuda.synchronize()
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            trainer.step()
    finally:
        torch.cuda.set_sync_debug_mode(before)
    assert trainer.tally.read() is not None
