"""Quality: how far a model's images are from real ones, in the judge's eyes and in pixels."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.data.images import DataSet, ImageSet, to_float, to_uint8
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.build import derive_seed, load_network
from cfd_studio.engine.gallery import draw
from cfd_studio.metrics.frechet import FeatureStatistics, frechet_distance
from cfd_studio.metrics.manifold import NEIGHBOURS, Manifold, precision_and_recall
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import Figure, Judgement
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.runs.folder import RunFolder

LARGEST_PIXEL_SIDE = 8


class Seen(NamedTuple):
    """What is known of a set of images in one feature space."""

    statistics: FeatureStatistics
    manifold: Manifold


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
        self._spaces: dict[str, Callable[[Tensor], Tensor]] = {}
        if config.evaluation.judge is not None:
            stage = config.stage(config.evaluation.judge)
            assert isinstance(stage, ClassifierStage)
            space = f"{stage.id} ({stage.architecture}, {stage.features} features)"
            self._spaces[space] = _features_of(load_network(run, config, stage.id, device))
        self._spaces["pixels"] = _pixels
        self._real = {
            "held-out": self._look(to_float(data.held_out.images)),
            "train": self._look(to_float(data.train.images)),
        }
        self._noise: Tensor | None = None
        self._labels = self._draw_labels(data) if config.network.conditional else None

    def floor(self) -> tuple[Figure, ...]:
        """Return real against real: the training split measured as if it had been drawn."""
        return self._compare(self._real["train"], "held-out")

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
            labels=self._labels,
            clip=self._config.clip_samples,
            turn=turn,
            on_call=on_call,
        )
        rounded = to_float(to_uint8(drawn.images)).to(denoiser.schedule.device)
        sampled = self._look(rounded, on_call)
        figures = (figure for reference in self._real for figure in self._compare(sampled, reference, on_call))
        judgement = Judgement(
            stage=stage_id,
            sampling_steps=sampling_steps,
            network_calls=drawn.network_calls,
            seconds_per_image=drawn.seconds_per_image,
            figures=tuple(figures),
        )
        return judgement, drawn.images

    def _draw_labels(self, data: DataSet) -> Tensor:
        """Return the classes to draw: as often as they are among the training images."""
        generator = torch.Generator().manual_seed(derive_seed(self._config.seed, "evaluation", "labels"))
        chosen = torch.randint(len(data.train), (self._config.evaluation.samples,), generator=generator)
        return data.train.labels.cpu()[chosen]

    @torch.no_grad()
    def _look(self, images: Tensor, on_chunk: Callable[[], None] | None = None) -> dict[str, Seen]:
        result = {}
        for space, features_of in self._spaces.items():
            features = torch.cat([features_of(part) for part in images.split(1000)])
            statistics = FeatureStatistics.of(features.cpu().numpy())
            result[space] = Seen(statistics, Manifold.of(features, on_chunk=on_chunk))
        return result

    def _compare(
        self, samples: dict[str, Seen], reference: str, on_chunk: Callable[[], None] | None = None
    ) -> tuple[Figure, ...]:
        figures: list[Figure] = []
        for space, seen in samples.items():
            real, count = self._real[reference][space], seen.statistics.count
            distance = frechet_distance(seen.statistics, real.statistics)
            figures.append(Figure(space=space, reference=reference, samples=count, value=distance))
            shares = precision_and_recall(seen.manifold, real.manifold, on_chunk=on_chunk)
            for metric, share in zip(("precision", "recall"), shares, strict=True):
                figures.append(
                    Figure(
                        metric=metric,
                        neighbours=NEIGHBOURS,
                        space=space,
                        reference=reference,
                        samples=count,
                        value=share,
                    )
                )
        return tuple(figures)


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
    """Return the held-out accuracy of every classifier that is trained and knows the classes of the images."""
    return {
        stage.id: accuracy(load_network(run, config, stage.id, device), images)
        for stage in config.stages
        if isinstance(stage, ClassifierStage) and stage.knows(config.data.name) and run.weights(stage.id).exists()
    }


def _features_of(classifier: nn.Module) -> Callable[[Tensor], Tensor]:
    def features(images: Tensor) -> Tensor:
        result: Tensor = classifier(images).features
        return result

    return features


def _pixels(images: Tensor) -> Tensor:
    side = min(LARGEST_PIXEL_SIDE, images.shape[-1])
    return functional.adaptive_avg_pool2d(images, side).flatten(1)
