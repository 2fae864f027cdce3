"""The four things a stage can minimise. Each returns named terms; the loss is their sum."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.data.images import ImageSet, to_float
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.feature import feature_divergence
from cfd_studio.diffusion.prediction import ToImage
from cfd_studio.diffusion.progressive import two_step_target
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.diffusion.weighting import truncated_snr, weighted_squared_error

Terms = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class HeldOutLoss:
    """A loss on fixed inputs, and for classifiers the accuracy in [0, 1]."""

    loss: float
    accuracy: float | None = None


class Objective(Protocol):
    """What the loop minimises without knowing it."""

    def terms(self, network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> Terms:
        """Return scalar terms for a batch of images in [-1, 1], shape (B, C, H, W), and classes, shape (B,)."""

    def held_out(self, network: nn.Module, images: ImageSet, seed: int) -> HeldOutLoss:
        """Return the loss on held-out images; the same seed means the same timesteps and noise."""


class ClassifierObjective:
    """Cross-entropy."""

    def terms(self, network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> Terms:  # noqa: ARG002
        """Return the mean cross-entropy in nats."""
        return {"cross-entropy": functional.cross_entropy(network(images).logits, labels)}

    @torch.no_grad()
    def held_out(self, network: nn.Module, images: ImageSet, seed: int) -> HeldOutLoss:  # noqa: ARG002
        """Return cross-entropy and accuracy."""
        logits = network(to_float(images.images)).logits
        accuracy = (logits.argmax(1) == images.labels).float().mean()
        return HeldOutLoss(float(functional.cross_entropy(logits, images.labels)), float(accuracy))


class DiffusionObjective(ABC):
    """What teacher and students share: noise an image, estimate it, compare.

    Parameters
    ----------
    schedule : NoiseSchedule
    to_image : ToImage
    own_steps : int
        The model sees the levels k * T / own_steps, k = 1..own_steps.
    """

    def __init__(self, schedule: NoiseSchedule, to_image: ToImage, own_steps: int) -> None:
        assert schedule.num_timesteps % own_steps == 0
        self.schedule = schedule
        self.own_steps = own_steps
        self.stride = schedule.num_timesteps // own_steps
        self._to_image = to_image

    @abstractmethod
    def compare(self, model: Denoiser, x: Tensor, z: Tensor, t: Tensor) -> Terms:
        """Return the terms for clean images x and their noisy versions z at base-grid levels t."""

    def terms(self, network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> Terms:  # noqa: ARG002
        """Draw levels and noise from the generator and compare."""
        k = torch.randint(1, self.own_steps + 1, (len(images),), generator=generator, device=images.device)
        eps = torch.randn(images.shape, generator=generator, device=images.device)
        return self._compare(network, images, k, eps)

    @torch.no_grad()
    def held_out(self, network: nn.Module, images: ImageSet, seed: int) -> HeldOutLoss:
        """Compare at levels spread evenly over the held-out images."""
        x = to_float(images.images)
        generator = torch.Generator().manual_seed(seed)
        k = 1 + torch.arange(len(x)) % self.own_steps
        eps = torch.randn(x.shape, generator=generator)
        terms = self._compare(network, x, k.to(x.device), eps.to(x.device))
        return HeldOutLoss(float(torch.stack(list(terms.values())).sum()))

    def _compare(self, network: nn.Module, x: Tensor, k: Tensor, eps: Tensor) -> Terms:
        t = k * self.stride
        return self.compare(Denoiser(network, self._to_image, self.schedule), x, self.schedule.add_noise(x, eps, t), t)


class TeacherObjective(DiffusionObjective):
    """Denoising with the truncated-SNR weight, at every level of the base grid."""

    def __init__(self, schedule: NoiseSchedule, to_image: ToImage) -> None:
        super().__init__(schedule, to_image, schedule.num_timesteps)

    def compare(self, model: Denoiser, x: Tensor, z: Tensor, t: Tensor) -> Terms:
        """Return the weighted squared error against the clean image."""
        return {"denoising": weighted_squared_error(model(z, t), x, truncated_snr(self.schedule, t))}


class ProgressiveObjective(DiffusionObjective):
    """PD: one step of the student against two of its teacher."""

    def __init__(
        self,
        schedule: NoiseSchedule,
        to_image: ToImage,
        teacher: Denoiser,
        own_steps: int,
    ) -> None:
        super().__init__(schedule, to_image, own_steps)
        assert self.stride % 2 == 0
        self.teacher = teacher

    def target(self, z: Tensor, t: Tensor) -> Tensor:
        """Return x_target of noisy images z at levels t, shape (B, C, H, W)."""
        half = self.stride // 2
        return two_step_target(self.teacher, z, t, t - half, t - self.stride)

    def compare(self, model: Denoiser, x: Tensor, z: Tensor, t: Tensor) -> Terms:  # noqa: ARG002, only the target counts
        """Return the PD loss: the weighted squared error against x_target."""
        return {"distillation": weighted_squared_error(model(z, t), self.target(z, t), truncated_snr(self.schedule, t))}


class FeatureObjective(ProgressiveObjective):
    """CFD: the same target, matched in the feature distribution of a frozen classifier, with an optional pixel anchor.

    Parameters
    ----------
    classifier : nn.Module
        Frozen; returns `cfd_studio.networks.classifiers.Classified`.
    temperature : float
        Of the teacher's features.
    anchor_weight : float
        Of the PD loss added; 0 leaves it out.
    """

    def __init__(
        self,
        schedule: NoiseSchedule,
        to_image: ToImage,
        teacher: Denoiser,
        own_steps: int,
        *,
        classifier: nn.Module,
        temperature: float,
        anchor_weight: float,
    ) -> None:
        super().__init__(schedule, to_image, teacher, own_steps)
        self._classifier = classifier
        self._temperature = temperature
        self._anchor_weight = anchor_weight

    def compare(self, model: Denoiser, x: Tensor, z: Tensor, t: Tensor) -> Terms:  # noqa: ARG002, only the target counts
        """Return the feature loss, and the weighted anchor where it has a weight."""
        target = self.target(z, t)
        x_hat = model(z, t)
        with torch.no_grad():
            wanted = self._classifier(target).features
        terms = {"feature": feature_divergence(wanted, self._classifier(x_hat).features, self._temperature)}
        if self._anchor_weight:
            error = weighted_squared_error(x_hat, target, truncated_snr(self.schedule, t))
            terms["anchor"] = self._anchor_weight * error
        return terms
