"""Weights that torchvision publishes: on this machine, whole and unaltered, before they are needed."""

from cfd_studio.data.checksum import Archive, WrongSumError, check
from cfd_studio.data.download import download
from cfd_studio.engine.stages import Workplace
from cfd_studio.engine.watching import watched
from cfd_studio.networks.pretrained import PublishedWeights, imagenet_weights
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sources import ImageNetSource
from cfd_studio.protocol.stages import ClassifierStage


def fetch_sources(place: Workplace) -> None:
    """Fetch what the stages still to come need: after days of training is late to be told that it is not there.

    Raises
    ------
    StopRequested
        Where the job is asked to stop.
    CfdError
        Where a file cannot be downloaded, or is not the published one.
    """
    for stage in place.config.stages:
        if not isinstance(stage, ClassifierStage) or place.run.weights(stage.id).exists():
            continue
        if isinstance(stage.source, ImageNetSource) and not stage.source.file:
            fetch_imagenet(place, stage)


def fetch_imagenet(place: Workplace, stage: ClassifierStage) -> PublishedWeights:
    """Return the weights for ImageNet of a stage's architecture; they are downloaded where torch keeps such files.

    Raises
    ------
    StopRequested
        Where the job is asked to stop.
    CfdError
        Where the file cannot be downloaded, or is not the published one.
    """
    published = imagenet_weights(stage.architecture)
    path, where = published.path, f"stages.{stage.id}.source"
    place.controls.poll()
    try:
        if path.exists():
            check(path, published.sha256, "sha256")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            archive = Archive(path.name, published.sha256, (published.url,), "sha256")
            what = f"the weights of stage '{stage.id}'"
            download(archive, path.parent, watched(place.reporter, place.controls, what, stage.id))
    except WrongSumError as error:
        advice = "Delete it, to have it downloaded anew, and resume."
        raise CfdError(f"{path} {error.what}", where=where, advice=advice if path.exists() else error.advice) from None
    except OSError as error:
        raise CfdError(
            f"{path.name} is not on this machine and cannot be downloaded ({error.strerror or error})",
            where=where,
            advice=f"Put the file there ({path}) and resume, or give a file in a new run.",
        ) from None
    return published
