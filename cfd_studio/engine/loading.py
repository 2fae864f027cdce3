"""Trained stages read back from their files of weights."""

from pathlib import Path

import torch
from torch import nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.build import ImageShape, build_denoiser, build_network, build_objective
from cfd_studio.engine.classifiers import as_fed
from cfd_studio.engine.objectives import Objective
from cfd_studio.engine.passes import PLAIN, Passes
from cfd_studio.interop.weights import fill, load_weights
from cfd_studio.networks.classifiers import Classifier
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.stages import ClassifierFed, Stage
from cfd_studio.runs.folder import RunFolder

MOST_CLASSES = 1_000_000


def load_network(run: RunFolder, config: RunConfig, stage_id: str, device: str) -> nn.Module:
    """Return a trained stage's network with the weights it samples with, frozen. No random number is drawn.

    Raises
    ------
    CfdError
        Where the weights are missing, damaged or of another network.
    """
    path = run.weights(stage_id)
    tensors, metadata = load_weights(path, device)
    shape, classes = read_shape(metadata, path)
    with torch.device("meta"):
        network = build_network(config, config.stage(stage_id), shape, classes)
    fill(network, tensors, path)
    return network.eval().requires_grad_(False)


def load_denoiser(run: RunFolder, config: RunConfig, stage_id: str, device: str, passes: Passes = PLAIN) -> Denoiser:
    """Return a trained teacher or student, ready to sample.

    Raises
    ------
    CfdError
        As `load_network`.
    """
    return build_denoiser(config, load_network(run, config, stage_id, device), device, passes)


def load_classifier(run: RunFolder, config: RunConfig, stage_id: str, device: str, fed: ClassifierFed) -> Classifier:
    """Return a trained classifier as distillation uses it.

    Raises
    ------
    CfdError
        As `load_network`.
    """
    return as_fed(load_network(run, config, stage_id, device), fed)


def load_objective(run: RunFolder, config: RunConfig, stage: Stage, device: str, passes: Passes = PLAIN) -> Objective:
    """Return what a stage minimises, with its frozen teacher and classifier loaded.

    Raises
    ------
    CfdError
        As `load_network`.
    """
    return build_objective(config, stage, device, lambda named: load_network(run, config, named, device), passes)


def weights_metadata(stage: Stage, shape: ImageShape, classes: int) -> dict[str, str]:
    """Return what a weights file says of its network."""
    return {"stage": stage.id, "image_shape": ",".join(map(str, shape)), "classes": str(classes)}


def read_shape(metadata: dict[str, str], where: Path) -> tuple[ImageShape, int]:
    """Return the image shape and the number of classes, 0 for images without, that a weights file names.

    Raises
    ------
    CfdError
        Where it names none, or absurd ones.
    """
    try:
        channels, height, width = (int(part) for part in metadata["image_shape"].split(","))
        classes = int(metadata["classes"])
    except (KeyError, ValueError):
        channels = height = width = classes = -1
    if not (0 < channels <= 64 and 0 < height <= 4096 and 0 < width <= 4096 and 0 <= classes <= MOST_CLASSES):
        raise CfdError(
            "the weights do not say for which images they were made",
            where=str(where),
            advice="Delete the file and resume the run: the stage is rebuilt from its newest checkpoint.",
        )
    return (channels, height, width), classes
