"""What a stage can minimise. Each objective returns named terms; the loss is their sum."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from cfd_studio.data.images import ImageSet, to_float
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import ToImage
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.diffusion.weighting import Weighting, truncated_snr, weighted_squared_errors
from cfd_studio.engine.audience import ALONE
from cfd_studio.engine.batch import Batch, Gather
from cfd_studio.engine.gauges import gauge, quarter_table
from cfd_studio.engine.portions import images_at_once

Terms = dict[str, Tensor]
# Takes the gauges of a share of a batch; see `cfd_studio.engine.gauges.gauge`.
Note = Callable[[Tensor], None]

# Enough for a curve; with more of them, or all at once, a large network on a small device would not get through.
MOST_HELD_OUT = 1024
HELD_OUT_CHUNK = 512
# Numbers in the held-out images up to which they stay ready, with noise and targets: 16 MiB each, enough for CIFAR-10.
MOST_KEPT = 2**22


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of comparing estimates.

    Attributes
    ----------
    terms : Terms
    losses : Tensor, shape (B,)
        Of the term that the stage is about, the loss on each image, without a graph.
    x_hat : Tensor, shape (B, C, H, W)
        The estimates.
    """

    terms: Terms
    losses: Tensor
    x_hat: Tensor


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the held-out loss is measured on, again and again: a frozen teacher says the same of it every time."""

    images: ImageSet
    seed: int
    generator: torch.Generator
    batches: list[Batch] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HeldOutLoss:
    """A loss on fixed inputs, and for classifiers the accuracy in [0, 1]."""

    loss: float
    accuracy: float | None = None


class Objective(Protocol):
    """What the loop minimises without knowing it.

    Attributes
    ----------
    gathers : bool
        Whether a term needs a mean over the whole batch, and `terms` therefore asks for it.
    foresees : bool
        Whether `foresee` has anything to compute.
    """

    foresees: bool

    @property
    def gathers(self) -> bool:
        """Whether `terms` calls ``gather``."""

    def draw(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Batch:
        """Draw everything random about a batch of images in [-1, 1], shape (B, C, H, W), and classes, shape (B,)."""

    def foresee(self, batch: Batch) -> Batch:
        """Return a batch together with what does not depend on the weights in training; may run on another thread."""

    def terms(self, network: nn.Module, batch: Batch, gather: Gather, note: Note | None = None) -> Terms:
        """Return scalar terms, each a mean over the batch or the share of one; ``note`` is told what else they show."""

    def held_out(
        self, network: nn.Module, images: ImageSet, seed: int, between: Callable[[], None] = ALONE.poll
    ) -> HeldOutLoss:
        """Return the loss on held-out images; the same seed means the same levels and noise.

        Parameters
        ----------
        network : nn.Module
        images : ImageSet
            On the network's device or not.
        seed : int
        between : callable, optional
            Called between two parts of the images; may raise to end early.
        """


class DiffusionObjective(ABC):
    """What teacher and students share: noise an image, estimate it, compare.

    Parameters
    ----------
    schedule : NoiseSchedule
    to_image : ToImage
    own_steps : int
        The model samples at the levels k * T / own_steps, k = 1..own_steps.
    label_dropout : float or None
        Share of hidden classes in [0, 1]; None for a network that is told no class.
    """

    gathers = False
    foresees = False
    lowest = 1  # the first k that is drawn

    def __init__(
        self, schedule: NoiseSchedule, to_image: ToImage, own_steps: int, label_dropout: float | None = None
    ) -> None:
        assert schedule.num_timesteps % own_steps == 0
        self.schedule = schedule
        self.own_steps = own_steps
        self.stride = schedule.num_timesteps // own_steps
        self._to_image = to_image
        self._label_dropout = label_dropout
        self._quarters = quarter_table(self.lowest, own_steps, self.stride).to(schedule.device)
        self._measured: _Measured | None = None

    @abstractmethod
    def compare(self, model: Denoiser, batch: Batch, z: Tensor, t: Tensor, gather: Gather) -> Compared:
        """Compare what the model makes of a batch's noisy images z at base-grid levels t."""

    def draw(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Batch:
        """Draw levels, noise, and whose class is hidden."""
        count, device = len(images), images.device
        k = torch.randint(self.lowest, self.own_steps + 1, (count,), generator=generator, device=device)
        noise = torch.randn(images.shape, generator=generator, device=device, dtype=images.dtype)
        told = None
        if self._label_dropout is not None:
            hidden = torch.rand(count, generator=generator, device=device) < self._label_dropout
            told = labels.masked_fill(hidden, -1)
        return Batch(images, told, k * self.stride, noise)

    def foresee(self, batch: Batch) -> Batch:
        """Return the batch as it is: without a teacher there is nothing to know of it."""
        return batch

    def terms(self, network: nn.Module, batch: Batch, gather: Gather, note: Note | None = None) -> Terms:
        """Noise the images and compare."""
        assert batch.levels is not None
        assert batch.noise is not None
        z = self.schedule.add_noise(batch.images, batch.noise, batch.levels)
        model = Denoiser(network, self._to_image, self.schedule)
        compared = self.compare(model, batch, z, batch.levels, gather)
        if note is not None:
            with torch.no_grad():
                note(gauge(self._quarters[batch.levels], compared.losses, compared.x_hat))
        return compared.terms

    @torch.no_grad()
    def held_out(
        self, network: nn.Module, images: ImageSet, seed: int, between: Callable[[], None] = ALONE.poll
    ) -> HeldOutLoss:
        """Compare at levels spread evenly over the first held-out images, none of whose classes is hidden."""
        count, own = min(len(images.images), MOST_HELD_OUT), self.own_steps
        keep = count * math.prod(images.shape) <= MOST_KEPT
        known = self._measured
        if not keep or known is None or known.images is not images or known.seed != seed:
            known = self._measured = _Measured(images, seed, torch.Generator().manual_seed(seed))
        k = 1 + (torch.arange(count) % own if own <= count else torch.arange(count) * own // count)
        loss, portion = 0.0, images_at_once(HELD_OUT_CHUNK, *images.shape[1:])
        for index, first in enumerate(range(0, count, portion)):
            if first:
                between()
            if index < len(known.batches):
                batch = known.batches[index]
            else:
                part = slice(first, min(first + portion, count))
                x = to_float(images.images[part])
                noise = torch.randn(x.shape, generator=known.generator, dtype=x.dtype)
                labels = None if self._label_dropout is None else images.labels[part]
                batch = self.foresee(Batch(x, labels, k[part].to(x.device) * self.stride, noise.to(x.device)))
                if keep:
                    known.batches.append(batch)
            terms = self.terms(network, batch, lambda mean: mean)
            loss += len(batch) / count * float(torch.stack(list(terms.values())).sum())
        return HeldOutLoss(loss)


class TeacherObjective(DiffusionObjective):
    """Denoising at every noisy level of the base grid.

    Parameters
    ----------
    schedule, to_image, label_dropout
        As in `DiffusionObjective`.
    weighting : Weighting, optional
        What each level counts.
    """

    def __init__(
        self,
        schedule: NoiseSchedule,
        to_image: ToImage,
        label_dropout: float | None = None,
        *,
        weighting: Weighting = truncated_snr,
    ) -> None:
        self.lowest = schedule.lowest_noisy
        super().__init__(schedule, to_image, schedule.num_timesteps, label_dropout)
        self._weighting = weighting

    def compare(self, model: Denoiser, batch: Batch, z: Tensor, t: Tensor, gather: Gather) -> Compared:  # noqa: ARG002
        """Take the weighted squared error against the clean image."""
        x_hat = model(z, t, batch.labels)
        errors = weighted_squared_errors(x_hat, batch.images, self._weighting(self.schedule, t))
        return Compared({"denoising": errors.mean()}, errors.detach(), x_hat)
