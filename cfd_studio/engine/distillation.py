"""What a student minimises: one step of it against two of its teacher, in pixels or in the eyes of a classifier."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.feature import (
    feature_divergence,
    feature_divergences,
    mean_prediction,
    negative_diversity,
    prediction_entropy,
)
from cfd_studio.diffusion.prediction import ToImage
from cfd_studio.diffusion.progressive import two_step_target
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.diffusion.weighting import truncated_snr, weighted_squared_errors
from cfd_studio.engine.batch import Batch, Gather
from cfd_studio.engine.objectives import Compared, DiffusionObjective
from cfd_studio.protocol.stages import FeatureMatching


class ProgressiveObjective(DiffusionObjective):
    """PD (Salimans & Ho 2022): the two-step target in pixels.

    Parameters
    ----------
    schedule, to_image, own_steps, label_dropout
        As in `DiffusionObjective`.
    teacher : Denoiser
        Frozen; a guided one is learnt by heart with its guidance (Meng et al. 2023, arXiv 2210.03142, with one weight).
    clip_targets : bool, optional
        Clip the teacher's estimates to [-1, 1].
    """

    foresees = True

    def __init__(
        self,
        schedule: NoiseSchedule,
        to_image: ToImage,
        teacher: Denoiser,
        own_steps: int,
        label_dropout: float | None = None,
        *,
        clip_targets: bool = False,
    ) -> None:
        super().__init__(schedule, to_image, own_steps, label_dropout)
        assert self.stride % 2 == 0
        self.teacher = teacher
        self._clip_targets = clip_targets

    def target(self, z: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return x_target of noisy images z at levels t, shape (B, C, H, W)."""
        half = self.stride // 2
        clip = self._clip_targets
        return two_step_target(self.teacher, z, t, t - half, t - self.stride, labels=labels, clip=clip)

    def foresee(self, batch: Batch) -> Batch:
        """Return a batch with its x_target."""
        assert batch.levels is not None
        assert batch.noise is not None
        z = self.schedule.add_noise(batch.images, batch.noise, batch.levels)
        return replace(batch, target=self.target(z, batch.levels, batch.labels))

    def compare(self, model: Denoiser, batch: Batch, z: Tensor, t: Tensor, gather: Gather) -> Compared:  # noqa: ARG002
        """Take the PD loss: the weighted squared error against x_target."""
        target = self.target(z, t, batch.labels) if batch.target is None else batch.target
        x_hat = model(z, t, batch.labels)
        errors = weighted_squared_errors(x_hat, target, truncated_snr(self.schedule, t))
        return Compared({"distillation": errors.mean()}, errors.detach(), x_hat)


class FeatureObjective(ProgressiveObjective):
    """CFD (Sun et al. 2023): the same target, matched in the eyes of a frozen classifier.

    Parameters
    ----------
    schedule, to_image, teacher, own_steps, label_dropout, clip_targets
        As in `ProgressiveObjective`.
    classifier : nn.Module
        Frozen; returns `cfd_studio.networks.classifiers.Classified`.
    matching : FeatureMatching
    """

    def __init__(
        self,
        schedule: NoiseSchedule,
        to_image: ToImage,
        teacher: Denoiser,
        own_steps: int,
        label_dropout: float | None = None,
        *,
        classifier: nn.Module,
        matching: FeatureMatching,
        clip_targets: bool = False,
    ) -> None:
        super().__init__(schedule, to_image, teacher, own_steps, label_dropout, clip_targets=clip_targets)
        self._classifier = classifier
        self._matching = matching
        self._entropy_weight = matching.dataset_weight * matching.entropy_share
        self._diversity_weight = matching.dataset_weight * (1 - matching.entropy_share)

    @property
    def gathers(self) -> bool:  # type: ignore[override]
        """Whether diversity counts, which is a matter of the whole batch."""
        return self._diversity_weight > 0

    def compare(self, model: Denoiser, batch: Batch, z: Tensor, t: Tensor, gather: Gather) -> Compared:
        """Take the feature loss, and of the other terms those that have a weight."""
        how = self._matching
        target = self.target(z, t, batch.labels) if batch.target is None else batch.target
        x_hat = model(z, t, batch.labels)
        with torch.no_grad():
            wanted = self._classifier(target)
        seen = self._classifier(x_hat)
        matched = getattr(wanted, how.match), getattr(seen, how.match)
        terms = {"feature": feature_divergence(*matched, how.temperature)}
        with torch.no_grad():
            divergences = feature_divergences(*matched, how.temperature)
        if self._entropy_weight:
            terms["entropy"] = self._entropy_weight * prediction_entropy(seen.logits)
        if self._diversity_weight:
            pbar = gather(mean_prediction(seen.logits))
            terms["diversity"] = self._diversity_weight * negative_diversity(seen.logits, pbar)
        if how.anchor_weight:
            errors = weighted_squared_errors(x_hat, target, truncated_snr(self.schedule, t))
            terms["anchor"] = how.anchor_weight * errors.mean()
        return Compared(terms, divergences, x_hat)
