"""Where names in a config become objects; nowhere else is there a ladder of kinds."""

import hashlib
from collections.abc import Callable

from torch import nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.guidance import guided
from cfd_studio.diffusion.prediction import ToImage, x_from_eps, x_from_v, x_from_x
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.diffusion.weighting import Weighting, constant, snr, snr_plus_one, truncated_snr
from cfd_studio.engine.classifiers import ImageShape as ImageShape
from cfd_studio.engine.classifiers import as_fed, build_classifier, build_classifier_objective
from cfd_studio.engine.distillation import FeatureObjective, ProgressiveObjective
from cfd_studio.engine.objectives import Objective, TeacherObjective
from cfd_studio.engine.passes import PLAIN, Passes
from cfd_studio.networks.unet import UNet
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import (
    ClassifierStage,
    FeatureStage,
    ProgressiveStage,
    Stage,
    TeacherStage,
)

# Takes the id of a stage and returns its network with the weights it samples with, frozen.
Trained = Callable[[str], nn.Module]

TO_IMAGE: dict[str, ToImage] = {"x": x_from_x, "eps": x_from_eps, "v": x_from_v}
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


def build_denoiser(config: RunConfig, network: nn.Module, device: str, passes: Passes = PLAIN) -> Denoiser:
    """Return a teacher or student of these trained weights, ready to sample; the network itself is changed."""
    return Denoiser(passes.frozen(network), TO_IMAGE[config.prediction], build_schedule(config, device))


def build_objective(
    config: RunConfig, stage: Stage, device: str, trained: Trained, passes: Passes = PLAIN
) -> Objective:
    """Return what a stage minimises, with its frozen teacher and classifier.

    Parameters
    ----------
    config, stage, device
    trained : callable
        Returns the network of an earlier stage, by its id.
    passes : Passes, optional
        How the frozen networks are passed through.
    """
    schedule = build_schedule(config, device)
    to_image = TO_IMAGE[config.prediction]
    label_dropout = config.network.label_dropout if config.network.conditional else None
    match stage:
        case ClassifierStage():
            return build_classifier_objective(stage)
        case TeacherStage():
            return TeacherObjective(schedule, to_image, label_dropout, weighting=WEIGHTINGS[stage.weighting])
        case ProgressiveStage():
            teacher = guided(build_denoiser(config, trained(stage.parent), device, passes), stage.guidance)
            return ProgressiveObjective(
                schedule, to_image, teacher, stage.sampling_steps, label_dropout, clip_targets=config.clip_targets
            )
        case FeatureStage():
            teacher = guided(build_denoiser(config, trained(stage.parent), device, passes), stage.guidance)
            return FeatureObjective(
                schedule,
                to_image,
                teacher,
                stage.sampling_steps,
                label_dropout,
                classifier=passes.frozen(as_fed(trained(stage.classifier), stage.classifier_input)),
                matching=stage,
                clip_targets=config.clip_targets,
            )
