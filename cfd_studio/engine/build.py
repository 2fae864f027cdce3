"""Where names in a config become objects; nowhere else is there a ladder of kinds."""

import hashlib
from pathlib import Path

import torch
from torch import nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.guidance import guided
from cfd_studio.diffusion.prediction import ToImage, x_from_eps, x_from_v, x_from_x
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.diffusion.weighting import Weighting, constant, snr, snr_plus_one, truncated_snr
from cfd_studio.engine.classifiers import ImageShape as ImageShape
from cfd_studio.engine.classifiers import build_classifier, build_classifier_objective, straight
from cfd_studio.engine.distillation import FeatureObjective, ProgressiveObjective
from cfd_studio.engine.objectives import Objective, TeacherObjective
from cfd_studio.engine.passes import PLAIN, Passes
from cfd_studio.interop.weights import fill, load_weights
from cfd_studio.networks.classifiers import Classifier
from cfd_studio.networks.unet import UNet
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.stages import (
    ClassifierFed,
    ClassifierStage,
    FeatureStage,
    ProgressiveStage,
    Stage,
    TeacherStage,
)
from cfd_studio.runs.folder import RunFolder

TO_IMAGE: dict[str, ToImage] = {"x": x_from_x, "eps": x_from_eps, "v": x_from_v}
MOST_CLASSES = 1_000_000
WEIGHTINGS: dict[str, Weighting] = {
    "truncated-snr": truncated_snr,
    "snr": snr,
    "constant": constant,
    "snr+1": snr_plus_one,
}


def derive_seed(*parts: object) -> int:
    """Return a 63-bit seed that depends on every part and on nothing else."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def build_network(config: RunConfig, stage: Stage, shape: ImageShape, classes: int) -> nn.Module:
    """Return the network of a stage with fresh weights.

    Parameters
    ----------
    config : RunConfig
    stage : Stage
    shape : (int, int, int)
        Channels, height and width of an image.
    classes : int
    """
    if isinstance(stage, ClassifierStage):
        return build_classifier(stage, shape, classes)
    return UNet(
        shape[0],
        dropout=stage.dropout if isinstance(stage, TeacherStage) else 0.0,
        classes=classes if config.network.conditional else 0,
        **config.network.model_dump(exclude={"conditional", "label_dropout"}),
    )


def build_schedule(config: RunConfig, device: str) -> NoiseSchedule:
    """Return the one schedule of a run's whole lineage."""
    return NoiseSchedule.cosine(config.schedule.num_timesteps, device, clean_end=config.schedule.clean_end)


def load_denoiser(run: RunFolder, config: RunConfig, stage_id: str, device: str, passes: Passes = PLAIN) -> Denoiser:
    """Return a trained teacher or student, ready to sample.

    Raises
    ------
    CfdError
        As `load_network`.
    """
    network = passes.frozen(load_network(run, config, stage_id, device))
    return Denoiser(network, TO_IMAGE[config.prediction], build_schedule(config, device))


def load_classifier(run: RunFolder, config: RunConfig, stage_id: str, device: str, fed: ClassifierFed) -> Classifier:
    """Return a trained classifier as distillation uses it: fed what it was trained on, or as the reference feeds it.

    Raises
    ------
    CfdError
        As `load_network`.
    """
    classifier = load_network(run, config, stage_id, device)
    assert isinstance(classifier, Classifier)
    return straight(classifier) if fed == "as-reference" else classifier


def build_objective(run: RunFolder, config: RunConfig, stage: Stage, device: str, passes: Passes = PLAIN) -> Objective:
    """Return what a stage minimises, with its frozen teacher and classifier loaded."""
    schedule = build_schedule(config, device)
    to_image = TO_IMAGE[config.prediction]
    label_dropout = config.network.label_dropout if config.network.conditional else None
    match stage:
        case ClassifierStage():
            return build_classifier_objective(stage)
        case TeacherStage():
            return TeacherObjective(schedule, to_image, label_dropout, weighting=WEIGHTINGS[stage.weighting])
        case ProgressiveStage():
            teacher = guided(load_denoiser(run, config, stage.parent, device, passes), stage.guidance)
            return ProgressiveObjective(
                schedule, to_image, teacher, stage.sampling_steps, label_dropout, clip_targets=config.clip_targets
            )
        case FeatureStage():
            teacher = guided(load_denoiser(run, config, stage.parent, device, passes), stage.guidance)
            return FeatureObjective(
                schedule,
                to_image,
                teacher,
                stage.sampling_steps,
                label_dropout,
                classifier=passes.frozen(
                    load_classifier(run, config, stage.classifier, device, stage.classifier_input)
                ),
                matching=stage,
                clip_targets=config.clip_targets,
            )


def weights_metadata(stage: Stage, shape: ImageShape, classes: int) -> dict[str, str]:
    """Return what a weights file says of its network."""
    return {"stage": stage.id, "image_shape": ",".join(map(str, shape)), "classes": str(classes)}


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
