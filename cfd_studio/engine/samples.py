"""The images of one model, drawn batch by batch, and kept until their figures are."""

import hashlib
import json
import math
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from cfd_studio.data.images import to_uint8
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.audience import ALONE, Audience
from cfd_studio.engine.build import ImageShape
from cfd_studio.engine.gallery import draw
from cfd_studio.engine.noise_ahead import NoiseAhead
from cfd_studio.protocol.fast_paths import Precision
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.workspace.folders import samples_folder
from cfd_studio.workspace.reel import Reel

_HEAD = struct.Struct("<IId")  # images, network calls per image, seconds
_VERSION = 2  # of all that is computed between weights and images


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that the images of a model depend on, beside their number.

    Attributes
    ----------
    weights : str
        Digest of the network, its weights and its schedule.
    own_steps, sampling_steps : int
        What the model was made for, and what is wanted.
    seed : int
        The noise of image i is drawn from (seed, i).
    shape : (int, int, int)
        Channels, height, width.
    labels : str
        How the classes of a conditional model were chosen; empty for none.
    precision : {"float32", "tf32", "bfloat16"}
        Of the network passes.
    """

    weights: str
    own_steps: int
    sampling_steps: int
    sampler: Sampler
    clip: bool
    seed: int
    shape: ImageShape
    batch_size: int
    labels: str = ""
    precision: Precision = "float32"


class Samples:
    """Images of a model, rounded to 8 bits.

    What an earlier attempt drew is taken from the user's cache, where each batch goes as soon as it is drawn.

    Parameters
    ----------
    drawing : Drawing
    rounding_on_device : bool, optional
        Where images are rounded; the result is the same.

    Attributes
    ----------
    seconds : float
        Wall time of drawing the images that were yielded.
    network_calls : int
        Counted per image.
    """

    def __init__(self, drawing: Drawing, *, rounding_on_device: bool = True) -> None:
        self._rounded = rounding_on_device
        self._drawing = drawing
        self._reel = Reel(samples_folder(), self._key())
        self._more = False
        self.seconds = 0.0
        self.network_calls = 0

    def batches(
        self, denoiser: Denoiser, count: int, labels: Tensor | None = None, audience: Audience = ALONE
    ) -> Iterator[Tensor]:
        """Yield ``count`` images, uint8 of shape (N, C, H, W) on the CPU, at most a batch at a time.

        Neither the model, which may fill a GPU's memory, nor the classes are kept.

        Parameters
        ----------
        denoiser : Denoiser
        count : int
        labels : Tensor of int64, optional
            Classes of a conditional model, one for every image.
        audience : Audience, optional
        """
        how, done = self._drawing, 0
        ahead = denoiser.schedule.device.type != "cpu"
        with NoiseAhead(how.seed, how.shape, count, how.batch_size, ahead=ahead) as noise:
            while done < count:
                wanted = min(how.batch_size, count - done)
                chosen = None if labels is None else labels[done : done + wanted]
                images = self._recall(wanted)
                if images is None:
                    images = self._draw(denoiser, noise.take(done), done, count, chosen, audience)
                done += wanted
                audience.progress(done, count)
                yield images

    def forget(self) -> None:
        """Delete what was kept, unless more was kept than asked for: the figures are there."""
        if not self._more:
            self._reel.remove()

    def close(self) -> None:
        """Leave what was drawn to the next attempt."""
        self._more = self._reel.read(self._most()) is not None
        self._reel.close()

    def _recall(self, wanted: int) -> Tensor | None:
        """Return the next images that were kept, if they are a batch as it would be drawn, or the head of one."""
        piece = self._reel.read(self._most())
        if piece is None:
            return None
        held, calls, seconds = _HEAD.unpack_from(piece) if len(piece) >= _HEAD.size else (0, 0, 0.0)
        if len(piece) != _HEAD.size + held * self._size or held not in (wanted, self._drawing.batch_size):
            self._reel.back()
            return None
        self.seconds += seconds * wanted / held
        self.network_calls = calls
        pixels = torch.frombuffer(bytearray(piece), dtype=torch.uint8, offset=_HEAD.size)
        return pixels.view(held, *self._drawing.shape)[:wanted]

    def _draw(
        self, denoiser: Denoiser, noise: Tensor, start: int, count: int, labels: Tensor | None, audience: Audience
    ) -> Tensor:
        how, wanted = self._drawing, len(noise)
        heard = 0

        def on_call() -> None:
            nonlocal heard
            audience.poll()
            audience.progress(start + min(wanted * heard // how.sampling_steps, wanted - 1), count)
            heard += 1

        drawn = draw(
            denoiser,
            noise,
            how.own_steps,
            how.sampling_steps,
            sampler=how.sampler,
            seed=how.seed,
            start=start,
            batch_size=wanted,
            labels=labels,
            clip=how.clip,
            rounded=self._rounded,
            turn=audience.turn,
            on_call=on_call,
        )
        images = drawn.images if self._rounded else to_uint8(drawn.images)
        seconds = drawn.seconds_per_image * wanted
        self._reel.append(_HEAD.pack(wanted, drawn.network_calls, seconds) + images.numpy().tobytes())
        self.seconds += seconds
        self.network_calls = drawn.network_calls
        return images

    def _key(self) -> str:
        depends = asdict(self._drawing) | {"sampler": self._drawing.sampler.model_dump(), "version": _VERSION}
        return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()

    @property
    def _size(self) -> int:
        return math.prod(self._drawing.shape)

    def _most(self) -> int:
        return _HEAD.size + self._drawing.batch_size * self._size
