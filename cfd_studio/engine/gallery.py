"""Same-noise samples: every model draws image i from the same noise."""

import io
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cfd_studio.data.images import to_uint8
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.guidance import guided
from cfd_studio.diffusion.samplers import sample, sampling_levels
from cfd_studio.engine.samplers import SAMPLERS
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM, Sampler
from cfd_studio.runs import atomic

IMAGE_GAP = 1
BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class Drawn:
    """Images and what they cost.

    Attributes
    ----------
    images : Tensor of float32, shape (N, C, H, W), on the CPU
        Range [-1, 1]; rounded ones are uint8.
    seconds_per_image : float
        Wall time of sampling over N, waits for a turn left out.
    network_calls : int
        Counted per image.
    x_hats : Tensor of float32, shape (steps, N, C, H, W), on the CPU, or None
        The estimates of the images at every step, where they were asked for.
    timesteps : tuple of int
        The levels at which each step estimates.
    """

    images: Tensor
    seconds_per_image: float
    network_calls: int
    x_hats: Tensor | None = None
    timesteps: tuple[int, ...] = ()


class How(TypedDict, total=False):
    """The optional arguments of `draw`."""

    sampler: Sampler
    seed: int
    start: int
    batch_size: int
    labels: Tensor | None
    clip: bool
    trajectory: bool
    rounded: bool
    turn: AbstractContextManager[None] | None
    on_call: Callable[[], None] | None


def draw(
    denoiser: Denoiser,
    noise: Tensor,
    own_steps: int,
    sampling_steps: int,
    *,
    sampler: Sampler = DDIM,
    seed: int = 0,
    start: int = 0,
    batch_size: int = BATCH_SIZE,
    labels: Tensor | None = None,
    clip: bool = True,
    trajectory: bool = False,
    rounded: bool = False,
    turn: AbstractContextManager[None] | None = None,
    on_call: Callable[[], None] | None = None,
) -> Drawn:
    """Draw one image per row of noise.

    Parameters
    ----------
    denoiser : Denoiser
        Its network in evaluation mode.
    noise : Tensor, shape (N, C, H, W), on the CPU
    own_steps, sampling_steps : int
        What the model was made for, and what is wanted; at most as many.
    sampler : Sampler, optional
        One that guides needs labels.
    seed, start : int, optional
        Of the fresh noise of a stochastic sampler: row i is image ``start + i``, however many are drawn at once.
    batch_size : int, optional
    labels : Tensor of int64, shape (N,), on the CPU, optional
        Classes for a class-conditional model, -1 for none.
    clip : bool, optional
        Clip every estimate of the image to [-1, 1].
    trajectory : bool, optional
        Keep these estimates.
    rounded : bool, optional
        Round the images to 8 bits on their device, as `to_uint8` does, and move only those bytes.
    turn : context manager, optional
        Entered around every network call, where the device is shared.
    on_call : callable, optional
        Called before every estimate of the images, outside a turn; may raise to end early.

    Raises
    ------
    CfdError
        Where there is no class to guide to.
    """
    if sampler.guidance != 1 and (labels is None or bool((labels == -1).all())):
        raise CfdError("guidance needs a class to guide to", advice="Ask for one, or use guidance 1.")
    schedule = denoiser.schedule
    levels = sampling_levels(schedule.num_timesteps, own_steps, sampling_steps)
    denoiser = guided(denoiser, sampler.guidance)
    move = SAMPLERS[sampler.name](sampler)
    calls_before = denoiser.network_calls
    waited = 0.0
    turn = turn or nullcontext()

    def between() -> None:
        nonlocal waited
        turn.__exit__(None, None, None)
        began = time.perf_counter()
        try:
            if on_call is not None:
                on_call()
        finally:
            turn.__enter__()
            waited += time.perf_counter() - began

    batches = noise.split(batch_size)
    classes = labels.split(batch_size) if labels is not None else [None] * len(batches)
    images = []
    estimates: list[list[Tensor]] = [[] for _ in batches]
    with turn:
        began = time.perf_counter()
        for batch, told, kept in zip(batches, classes, estimates, strict=True):
            keep = partial(_keep, kept) if trajectory else None
            z = batch.to(schedule.device, schedule.dtype)
            told = None if told is None else told.to(schedule.device)
            drawn = sample(
                denoiser,
                z,
                levels,
                move,
                labels=told,
                clip=clip,
                seed=seed,
                start=start,
                on_call=between,
                on_estimate=keep,
            )
            images.append((to_uint8(drawn) if rounded else drawn.float()).cpu())
            start += len(z)
        seconds = time.perf_counter() - began - waited
    calls = (denoiser.network_calls - calls_before) // len(batches)
    x_hats = torch.cat([torch.stack(kept) for kept in estimates], dim=1) if trajectory else None
    return Drawn(torch.cat(images), seconds / len(noise), calls, x_hats, tuple(levels[:-1]))


def _keep(kept: list[Tensor], _level: int, x_hat: Tensor) -> None:
    kept.append(x_hat.float().cpu())


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Return images in [-1, 1], shape (N, C, H, W), as 8-bit pixels, shape (N, H, W, 3)."""
    pixels = to_uint8(images)
    if pixels.shape[1] == 1:
        pixels = pixels.expand(-1, 3, -1, -1)
    return pixels.permute(0, 2, 3, 1).numpy()


def tile(images: Tensor, columns: int, background: int) -> NDArray[np.uint8]:
    """Lay images out row by row with a gap of one pixel; returns shape (rows, cols, 3)."""
    pixels = to_pixels(images)
    count, height, width, _ = pixels.shape
    rows = -(-count // columns)
    shape = (rows * (height + IMAGE_GAP) - IMAGE_GAP, columns * (width + IMAGE_GAP) - IMAGE_GAP, 3)
    sheet = np.full(shape, background, dtype=np.uint8)
    for index in range(count):
        row, column = divmod(index, columns)
        top, left = row * (height + IMAGE_GAP), column * (width + IMAGE_GAP)
        sheet[top : top + height, left : left + width] = pixels[index]
    return sheet


def write_strip(path: Path, images: Tensor, columns: int) -> None:
    """Write images as one PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    from PIL import Image  # what only samples needs none

    content = io.BytesIO()
    Image.fromarray(tile(images, columns, 128)).save(content, format="PNG")
    atomic.write_bytes(path, content.getvalue())
