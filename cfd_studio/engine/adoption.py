"""A stage whose weights come from elsewhere: they are checked, made the stage's own, and judged like all others."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cfd_studio.engine.build import build_network
from cfd_studio.engine.classifiers import ImageShape, build_input
from cfd_studio.engine.fetching import fetch_imagenet
from cfd_studio.engine.loading import MOST_CLASSES, read_shape, weights_metadata
from cfd_studio.engine.stages import Workplace
from cfd_studio.engine.torch_files import read_tensors
from cfd_studio.interop.weights import load_weights, save_weights
from cfd_studio.networks.pretrained import modern_names
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import StageStarted, StageTrained
from cfd_studio.protocol.sources import CheckpointSource, RunSource
from cfd_studio.protocol.stages import ClassifierStage, Stage, TeacherStage
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.imports import check_import

_IMAGENET_CLASSES = 1000
_ANEW = "Make a new run from another source."


@dataclass(frozen=True, slots=True)
class _Adopted:
    """A network with its weights, the images it was made for, and where it came from in words."""

    network: nn.Module
    shape: ImageShape
    classes: int
    origin: str


def adopt_stage(place: Workplace, stage: Stage) -> None:
    """Write the weights of a stage that is not trained here.

    Raises
    ------
    StopRequested
        Where the job is asked to stop.
    CfdError
        Where the weights are not the ones that were copied, belong to another network, or do not fit the images.
    """
    run, config, reporter = place.run, place.config, place.reporter
    assert isinstance(stage, (ClassifierStage, TeacherStage))
    assert stage.source is not None
    reporter.phase("loading", stage.id)
    place.controls.poll()
    if isinstance(stage.source, CheckpointSource):
        raise CfdError(
            "the weights of an imported checkpoint are gone",
            where=f"stage '{stage.id}'",
            advice=f"Import {stage.source.file} again, into a new run.",
        )
    if isinstance(stage.source, RunSource):
        adopted = _from_run(run, config, stage, stage.source)
    else:
        assert isinstance(stage, ClassifierStage)
        adopted = _from_imagenet(place, stage)
    _check_images(place, stage, adopted)
    reporter.say(StageStarted(stage=stage.id, step=0, total_steps=0))
    metadata = weights_metadata(stage, adopted.shape, adopted.classes)
    place.storage.keep(
        f"the weights of stage '{stage.id}'",
        lambda: save_weights(run.weights(stage.id), adopted.network, metadata),
    )
    reporter.say(StageTrained(stage=stage.id, step=0, seconds=0.0))
    reporter.log(f"Stage '{stage.id}' is not trained here: its weights are {adopted.origin}.")


def _from_run(run: RunFolder, config: RunConfig, stage: Stage, source: RunSource) -> _Adopted:
    path = check_import(run.path, stage)
    assert path is not None
    try:
        tensors, metadata = load_weights(path)
        shape, classes = read_shape(metadata, path)
    except CfdError as error:  # whose advice is about a run's own weights
        raise CfdError(error.what, where=error.where, advice=_ANEW) from None
    with torch.device("meta"):
        network = build_network(config, stage, shape, classes)
    _fill(network, tensors, str(path))
    return _Adopted(
        network, shape, classes, f"those of '{source.stage}' in {source.path} (SHA-256 {source.sha256[:12]}…)"
    )


def _from_imagenet(place: Workplace, stage: ClassifierStage) -> _Adopted:
    config = place.config
    path = check_import(place.run.path, stage) or fetch_imagenet(place, stage).path
    tensors = read_tensors(path)
    last = [tensors[name] for name in ("fc.weight", "classifier.weight") if name in tensors]
    classes = len(last[0]) if last and last[0].ndim == 2 else _IMAGENET_CLASSES
    if classes > MOST_CLASSES:
        raise CfdError(f"the weights are for {classes:,} classes", where=str(path), advice=_ANEW)
    side = stage.input_size or config.data.side
    shape = (3, side, side)
    with torch.device("meta"):
        network = build_network(config, stage, shape, classes)
    own = {f"input.{name}": tensor for name, tensor in build_input(stage, shape[0]).state_dict().items()}
    _fill(network, modern_names(tensors, network) | own, str(path))
    return _Adopted(network, shape, classes, f"for ImageNet, from {path.name}")


def _fill(network: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Give a network built on the meta device its weights, or say which are missing and which it does not know."""
    wanted = network.state_dict()
    missing, unknown = (sorted(one) for one in (wanted.keys() - tensors.keys(), tensors.keys() - wanted.keys()))
    other = sorted(name for name in wanted.keys() & tensors.keys() if wanted[name].shape != tensors[name].shape)
    said = [
        f"{len(names)} {what}, {names[0]} first"
        for names, what in ((missing, "are missing"), (unknown, "are unknown"), (other, "have another shape"))
        if names
    ]
    if said:
        raise CfdError(f"the weights belong to another network: {'; '.join(said)}", where=where, advice=_ANEW)
    if wrong := [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]:
        raise CfdError(f"tensor {wrong[0]} holds what is no finite number", where=where, advice=_ANEW)
    network.load_state_dict({name: tensor.to(wanted[name].dtype) for name, tensor in tensors.items()}, assign=True)


def _check_images(place: Workplace, stage: ClassifierStage | TeacherStage, adopted: _Adopted) -> None:
    """Make sure that a network can take this run's images, and means their classes where it says so."""
    data = place.data
    own, shape = adopted.shape, data.train.shape
    if isinstance(stage, TeacherStage):
        fits, tells = own == shape, place.config.network.conditional
    else:
        fits = own == shape if stage.architecture == "mlp" else own[0] == shape[0] or shape[0] == 1
        tells = stage.knows(place.config.data.name)
    if not fits:
        raise CfdError(
            f"its source was made for images of {_described(own)}, and those of this run are {_described(shape)}",
            where=f"stage '{stage.id}'",
            advice=_ANEW,
        )
    if tells and adopted.classes != data.classes:
        raise CfdError(
            f"its source knows {adopted.classes} classes, and the images of this run have {data.classes}",
            where=f"stage '{stage.id}'",
            advice="Say with classes_of which they are, or take another source."
            if isinstance(stage, ClassifierStage)
            else _ANEW,
        )


def _described(shape: ImageShape) -> str:
    channels, height, width = shape
    return f"{width}x{height} in {'grey' if channels == 1 else f'{channels} channels'}"
