"""Quality: how far a model's images are from real ones, in the judge's eyes and in pixels."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.data.images import DataSet, ImageSet, to_float, to_uint8
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.build import derive_seed, load_network
from cfd_studio.engine.gallery import draw
from cfd_studio.metrics.frechet import FeatureStatistics, frechet_distance
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import Figure, Judgement
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.runs.folder import RunFolder

LARGEST_PIXEL_SIDE = 8


class Jury:
    """Measures models of one run against its real images.

    All models draw from the same noise, and every sample is rounded to 8 bits first, as the real images are.

    Parameters
    ----------
    run : RunFolder
        Its judge must be trained.
    config : RunConfig
    data : DataSet
        On the device that computes.
    """

    def __init__(self, run: RunFolder, config: RunConfig, data: DataSet, device: str) -> None:
        self._config = config
        self._shape = data.train.shape
        stage = config.stage(config.evaluation.judge)
        assert isinstance(stage, ClassifierStage)
        self._spaces: dict[str, Callable[[Tensor], Tensor]] = {
            f"{stage.id} ({stage.architecture}, {stage.width} features)": _features_of(
                load_network(run, config, stage.id, device)
            ),
            "pixels": _pixels,
        }
        self._real = {
            "held-out": self._statistics(to_float(data.held_out.images)),
            "train": self._statistics(to_float(data.train.images)),
        }
        self._noise: Tensor | None = None

    def floor(self) -> tuple[Figure, ...]:
        """Return real against real: the training split measured as if it had been drawn."""
        train, held_out = self._real["train"], self._real["held-out"]
        return tuple(
            Figure(
                space=space,
                reference="held-out",
                samples=train[space].count,
                value=frechet_distance(train[space], held_out[space]),
            )
            for space in self._spaces
        )

    def judge(
        self,
        stage_id: str,
        denoiser: Denoiser,
        own_steps: int,
        sampling_steps: int,
        *,
        turn: AbstractContextManager[None] | None = None,
        on_call: Callable[[], None] | None = None,
    ) -> tuple[Judgement, Tensor]:
        """Draw the samples of one model with one number of steps and measure them.

        Returns
        -------
        judgement : Judgement
        images : Tensor, shape (samples, C, H, W)
        """
        evaluation = self._config.evaluation
        if self._noise is None:
            seed = derive_seed(self._config.seed, "evaluation")
            self._noise = starting_noise(seed, 0, evaluation.samples, self._shape)
        drawn = draw(
            denoiser,
            self._noise,
            own_steps,
            sampling_steps,
            batch_size=evaluation.batch_size,
            turn=turn,
            on_call=on_call,
        )
        rounded = to_float(to_uint8(drawn.images)).to(denoiser.schedule.device)
        sampled = self._statistics(rounded)
        figures = tuple(
            Figure(
                space=space,
                reference=reference,
                samples=evaluation.samples,
                value=frechet_distance(sampled[space], real[space]),
            )
            for space in self._spaces
            for reference, real in self._real.items()
        )
        judgement = Judgement(
            stage=stage_id,
            sampling_steps=sampling_steps,
            network_calls=drawn.network_calls,
            seconds_per_image=drawn.seconds_per_image,
            figures=figures,
        )
        return judgement, drawn.images

    @torch.no_grad()
    def _statistics(self, images: Tensor) -> dict[str, FeatureStatistics]:
        result = {}
        for space, features in self._spaces.items():
            parts: list[NDArray[np.floating]] = [features(part).cpu().numpy() for part in images.split(1000)]
            result[space] = FeatureStatistics.of(np.concatenate(parts))
        return result


def judged_steps(config: RunConfig, own_steps: int, *, every_halving: bool = False) -> list[int]:
    """Return the step counts at which a model is judged, most first.

    Its own and those the config asks for; or all halvings of its own as well.
    """
    counts = {own_steps, *(steps for steps in config.evaluation.sampling_steps if steps <= own_steps)}
    if every_halving:
        counts |= set(halvings(own_steps))
    return sorted(counts, reverse=True)


def halvings(own_steps: int) -> Iterable[int]:
    """Yield own_steps, own_steps / 2, ... as long as they are whole."""
    while True:
        yield own_steps
        if own_steps % 2:
            return
        own_steps //= 2


@torch.no_grad()
def accuracy(classifier: nn.Module, images: ImageSet) -> float:
    """Return the share of images, in [0, 1], that a classifier names rightly."""
    hits = [
        (classifier(to_float(part)).logits.argmax(1) == labels).float()
        for part, labels in zip(images.images.split(1000), images.labels.split(1000), strict=True)
    ]
    return float(torch.cat(hits).mean())


def classifier_accuracies(run: RunFolder, config: RunConfig, images: ImageSet, device: str) -> dict[str, float]:
    """Return the held-out accuracy of every classifier that is trained."""
    return {
        stage.id: accuracy(load_network(run, config, stage.id, device), images)
        for stage in config.stages
        if isinstance(stage, ClassifierStage) and run.weights(stage.id).exists()
    }


def _features_of(classifier: nn.Module) -> Callable[[Tensor], Tensor]:
    def features(images: Tensor) -> Tensor:
        result: Tensor = classifier(images).features
        return result

    return features


def _pixels(images: Tensor) -> Tensor:
    side = min(LARGEST_PIXEL_SIDE, images.shape[-1])
    return functional.adaptive_avg_pool2d(images, side).flatten(1)
