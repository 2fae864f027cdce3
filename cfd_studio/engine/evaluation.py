"""Quality: how far a model's images are from real ones, and how many images a classifier names rightly."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from cfd_studio.data.images import ImageSet
from cfd_studio.engine.audience import ALONE, Audience
from cfd_studio.engine.jury import Jury
from cfd_studio.engine.loading import load_denoiser, load_network
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.portions import for_classifier
from cfd_studio.engine.shared import shared
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.protocol.stages import ClassifierStage, DiffusionStage
from cfd_studio.runs.folder import RunFolder

Way = tuple[int, Sampler]  # a number of sampling steps and a sampler


def judge_model(
    jury: Jury,
    run: RunFolder,
    config: RunConfig,
    stage: DiffusionStage,
    passes: Passes,
    wanted: Sequence[Way],
    audience: Audience = ALONE,
) -> tuple[StageQuality, Tensor]:
    """Measure a trained model in every way that is wanted.

    Returns
    -------
    quality : StageQuality
        Without accuracies.
    images : Tensor of uint8, shape (N, C, H, W)
        The first few samples of the first way.

    Raises
    ------
    CfdError
        Where the weights are missing or damaged.
    """
    denoiser = load_denoiser(run, config, stage.id, passes.device, passes)
    with shared(denoiser) if passes.fast.idle_core else nullcontext():
        judged = [
            jury.judge(stage, denoiser, steps, sampler, audience, precision=passes.precision)
            for steps, sampler in wanted
        ]
    judgements = tuple(judgement for judgement, _ in judged)
    return StageQuality(stage=stage.id, judgements=judgements, floor=jury.floor(audience)), judged[0][1]


def judged_steps(config: RunConfig, own_steps: int, *, every_halving: bool = False) -> list[int]:
    """Return the step counts at which a model is judged, most first.

    Its own, unless the config sets a lower limit, and those the config asks for; or all halvings of its own as well.
    """
    most = min(own_steps, config.evaluation.most_steps)
    counts = {*config.evaluation.judged_steps(own_steps), *(halvings(own_steps) if every_halving else ())}
    return sorted((steps for steps in counts if steps <= most), reverse=True)


def halvings(own_steps: int) -> Iterator[int]:
    """Yield own_steps, own_steps / 2, ... as long as they are whole."""
    while True:
        yield own_steps
        if own_steps % 2:
            return
        own_steps //= 2


@torch.no_grad()
def accuracy(classifier: nn.Module, images: ImageSet, device: str, audience: Audience = ALONE) -> float:
    """Return the share of images, in [0, 1], that a classifier names rightly."""
    guesses = []
    with audience.at_work() as between:
        for part in for_classifier(classifier, images.images, device):
            between()
            guesses.append(classifier(part).logits.argmax(1))
        return float((torch.cat(guesses) == images.labels.to(device)).float().mean())


def classifier_accuracies(
    run: RunFolder, config: RunConfig, images: ImageSet, device: str, audience: Audience = ALONE
) -> dict[str, float]:
    """Return the held-out accuracy of every trained classifier that knows the classes of these images."""
    return {
        stage.id: accuracy(load_network(run, config, stage.id, device), images, device, audience)
        for stage in config.stages
        if isinstance(stage, ClassifierStage)
        and len(images)
        and stage.knows(config.data.name)
        and run.weights(stage.id).exists()
    }
