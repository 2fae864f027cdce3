"""A copy of what a checkpoint holds, taken between two steps, that training no longer touches."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def snapshot(captured: dict[str, Any]) -> tuple[dict[str, Any], Callable[[], object]]:
    """Copy a captured state into host memory, as it is between the step before and the step after.

    On CUDA the copies queue up behind the step before, on the stream that trains, and nobody waits for them here: the
    device goes on with the next step as soon as it has done them.

    Parameters
    ----------
    captured : dict
        What `TrainingState.capture` returned: containers, tensors and plain values.

    Returns
    -------
    copied : dict
        The same containers, tensors on the CPU, of the same strides.
    wait : callable
        To be called, from any thread, before ``copied`` is read.
    """
    streams: set[torch.cuda.Stream] = set()
    copied = _copied(captured, streams)
    arrived = [stream.record_event(torch.cuda.Event(blocking=True)) for stream in streams]
    return copied, lambda: [event.synchronize() for event in arrived]


def _copied(value: Any, streams: "set[torch.cuda.Stream]") -> Any:
    if isinstance(value, Tensor):
        if not value.is_cuda:
            return value.to("cpu", copy=True)
        streams.add(torch.cuda.current_stream(value.device))
        # Only into pinned memory does a copy run on its own.
        return torch.empty_like(value, device="cpu", pin_memory=True).copy_(value, non_blocking=True)
    if isinstance(value, dict):
        mapping = copy.copy(value)  # what torch returns carries its versions beside its items
        mapping.update((key, _copied(item, streams)) for key, item in value.items())
        return mapping
    if isinstance(value, list | tuple):
        return type(value)(_copied(item, streams) for item in value)
    return value
