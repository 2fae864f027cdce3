"""The work that is timed: optimizer steps and drawings, done by the code that does them in a run."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch.utils.flop_counter import FlopCounterMode

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.bench.machine import allocated, synchronize
from cfd_studio.engine.gallery import draw
from cfd_studio.engine.peak import Peak
from cfd_studio.engine.rehearsal import Rehearsal, fill_zeros
from cfd_studio.engine.warm_up import warm_up
from cfd_studio.protocol.stages import Stage


class Work(Protocol):
    """Something that is done again and again.

    Attributes
    ----------
    images : int
        That are trained on, or drawn, each time.
    pieces : int
        How often `piece` is in it.
    """

    images: int
    pieces: int

    def do(self, times: int) -> None:
        """Do it, and wait for the device."""

    def piece(self) -> None:
        """Do the smallest part that is like the whole, and wait for the device."""

    def peak(self) -> int | None:
        """Return the most bytes that it holds at once; None where that cannot be told."""


class Training:
    """Optimizer steps of a stage.

    Parameters
    ----------
    rehearsal : Rehearsal
    stage : Stage
    device : str
    tell : callable
        Told where something could not be compiled.
    """

    pieces = 1

    def __init__(self, rehearsal: Rehearsal, stage: Stage, device: str, tell: Callable[[str], None]) -> None:
        assert stage.optimization is not None
        self._before = allocated(device)
        self._rehearsal, self._stage, self._device = rehearsal, stage, device
        self._trainer = rehearsal.trainer(stage)
        with torch.random.fork_rng(devices=[]):
            fill_zeros(self._trainer.state.network)
        warm_up(self._trainer, tell)
        self.images = stage.optimization.batch_size

    def do(self, times: int) -> None:
        """Do optimizer steps, and read their losses."""
        for _ in range(times):
            self._trainer.step()
        self._trainer.tally.read()
        synchronize(self._device)

    def piece(self) -> None:
        """Do one optimizer step."""
        self.do(1)

    def peak(self) -> int | None:
        """Do a step and return its peak: all that CUDA allocates, elsewhere what is held and kept for going back."""
        peak = Peak(self._device, self._before)
        peak.of(self.piece)
        return peak.bytes if peak.counts_all else peak.bytes + self._rehearsal.held(self._stage, self._trainer.state)


class Drawing:
    """Images drawn by a model.

    Parameters
    ----------
    rehearsal : Rehearsal
    images : int
        Drawn at once.
    calls : int
        Network calls.
    device : str
    model : Denoiser
    before : int
        Bytes that were allocated on a CUDA device before the model was.
    """

    def __init__(
        self, rehearsal: Rehearsal, images: int, calls: int, device: str, model: Denoiser, before: int
    ) -> None:
        self._model, self._device, self._before = model, device, before
        self._noise = rehearsal.noise(images)
        self.images = images
        self.pieces = calls

    def do(self, times: int) -> None:
        """Draw the images so often."""
        for _ in range(times):
            self._draw(self.pieces)

    def piece(self) -> None:
        """Draw the images in one network call."""
        self._draw(1)

    def peak(self) -> int | None:
        """Return the peak of a network call, which CUDA alone tells."""
        peak = Peak(self._device, self._before)
        if not peak.counts_all:
            return None
        peak.of(self.piece)
        return peak.bytes

    def _draw(self, calls: int) -> None:
        draw(self._model, self._noise, self._model.schedule.num_timesteps, calls, batch_size=self.images)


def operations(work: Work) -> float:
    """Return the floating-point operations of a piece of work for one image: those of matrices and convolutions."""
    with FlopCounterMode(display=False) as counter:
        work.piece()
    return work.pieces * counter.get_total_flops() / work.images
