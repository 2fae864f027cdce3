"""A run made of a checkpoint of the published CFD code: complete from its first moment, nothing to train."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cfd_studio.engine.build import ImageShape, build_network
from cfd_studio.engine.classifiers import build_input
from cfd_studio.engine.loading import weights_metadata
from cfd_studio.engine.reporter import Reporter
from cfd_studio.interop.reference import ReferenceFile, ReferenceModel, read_reference
from cfd_studio.interop.state import Misfit, compare
from cfd_studio.interop.weights import save_weights
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS, DataName
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobEnded, JobStarted, JobState, StageTrained
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.imports import FOLDER
from cfd_studio.runs.outputs import check_output

# What the published code predicts: with it, not with eps or v, its checkpoints draw what that code draws.
REFERENCE_PREDICTION = "x"
LONGEST_NAME = 80
# What our classifiers do to an image first; the published code does it outside of the network.
INPUT = "input."


def import_checkpoint(
    file: Path,
    folder: Path,
    *,
    data: DataName = "none",
    prediction: str | None = None,
    image_size: int | None = None,
    name: str | None = None,
) -> str:
    """Make a run of a checkpoint; whole, or not at all.

    Parameters
    ----------
    file : Path
        A ``ckpt.pt``, or one of its classifiers.
    folder : Path
        Of the new run.
    data : DataName, optional
        The images that the model is about, by which it can be judged and distilled.
    prediction : str, optional
        x, eps or v; the published code predicts x.
    image_size : int, optional
        Side of an image, where neither the file nor the data set says it.
    name : str, optional
        Of the run; the file's by default.

    Returns
    -------
    str
        What was found, in a sentence or two.

    Raises
    ------
    CfdError
        Where the file holds no such checkpoint, does not fit what was said of it, or the folder is taken.
    """
    run = RunFolder(folder)
    run.refuse_taken()
    check_output(folder, folder=True)
    found = read_reference(file)
    config = _config(file, found, data, prediction, image_size, (name or file.stem)[:LONGEST_NAME] or "imported")
    stage = config.stages[0]
    shape = (config.data.depth, config.data.side, config.data.side)
    classes = found.content.layout.classes or DATA_SETS[data].classes
    network = _network(file, found, config, stage, shape, classes)
    sentence = _told(found, config, network)
    try:
        with atomic.new_folder(folder) as partial:
            made = RunFolder.create(partial, config)
            save_weights(made.weights(stage.id), network, weights_metadata(stage, shape, classes))
            _keep_origin(made, stage.id, found)
            _say(made, stage.id, sentence)
    except OSError as error:
        why = error.strerror or error
        raise CfdError(
            f"the run cannot be written ({why})", where=str(folder), advice="Choose a folder that you may write to."
        ) from None
    return sentence


def _config(
    file: Path, found: ReferenceFile, data: DataName, prediction: str | None, image_size: int | None, name: str
) -> RunConfig:
    content = found.content
    source = {"kind": "checkpoint", "file": found.path.name, "which": content.which, "sha256": found.sha256}
    known = DATA_SETS[data]
    side = image_size or known.side
    values: dict[str, Any] = {"name": name, "schedule": {"num_timesteps": 1024}, "network": {}, "evaluation": {}}
    if isinstance(content, ReferenceModel):
        side = side if content.image_size is None else content.image_size
        if image_size not in (None, side):
            raise CfdError(f"its start noise is for images of {side}, not {image_size}", where=str(file))
        values |= {
            "schedule": {"num_timesteps": content.num_timesteps, "clean_end": False},
            "prediction": prediction or REFERENCE_PREDICTION,
            "network": content.layout.network.model_dump(),
            "stages": [
                {"kind": "teacher", "id": "teacher", "source": source, "sampling_steps": content.own_steps},
            ],
        }
    else:
        if prediction is not None:
            raise CfdError("is a classifier, which predicts classes", where=str(file), advice="Leave prediction out.")
        stage = {"kind": "classifier", "id": "classifier", "source": source, "normalization": "cifar10-reference"}
        values["stages"] = [stage | {"architecture": content.layout.architecture}]
    if not side:
        raise CfdError(
            "does not say how large its images are", where=str(file), advice="Say it (--image-size, or --data-set)."
        )
    if known.classes and content.layout.classes not in (0, known.classes):
        raise CfdError(
            f"knows {content.layout.classes} classes, and {known.words} have {known.classes}",
            where=str(file),
            advice="Name the data set that it was made for, or none.",
        )
    channels = content.layout.image_channels
    values["data"] = {
        "name": data,
        "image_size": None if side == known.side else side,
        "channels": None if channels == known.channels else channels,
    }
    return resolve(values, source=str(file))


def _network(
    file: Path, found: ReferenceFile, config: RunConfig, stage: Stage, shape: ImageShape, classes: int
) -> nn.Module:
    """Return our network with the weights of the file. No random number is drawn: a job may train beside."""
    with torch.device("meta"):
        network = build_network(config, stage, shape, classes)
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(INPUT)}
    try:
        compare(found.content.weights, {name: tuple(tensor.shape) for name, tensor in wanted.items()})
    except Misfit as error:
        raise CfdError(str(error), where=str(file)) from None
    weights = {name: found.content.weights[name].to(tensor.dtype) for name, tensor in wanted.items()}
    network.load_state_dict(weights, strict=False, assign=True)
    if isinstance(stage, ClassifierStage):
        network.input = build_input(stage, shape[0])  # of which the file knows nothing
    return network


def _keep_origin(run: RunFolder, stage_id: str, found: ReferenceFile) -> None:
    origin = {
        "stage": stage_id,
        "origin": str(found.path),
        "bytes": found.size,
        "sha256": found.sha256,
        "entry": found.content.which,
    }
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    atomic.write_bytes(folder / f"{stage_id}.json", json.dumps(origin, indent=2).encode())


def _say(run: RunFolder, stage_id: str, sentence: str) -> None:
    """Write the journal of the import, by which every reader knows that the stage is there, and why."""
    job = run.new_job("import")
    reporter = Reporter(job)
    try:
        reporter.say(JobStarted(job=job.number, device="cpu", stage=stage_id))
        reporter.log(sentence)
        reporter.say(StageTrained(stage=stage_id, step=0, seconds=0.0))
        reporter.say(JobEnded(state=JobState.FINISHED, sentence=sentence))
        reporter.state(JobState.FINISHED, sentence)
    finally:
        reporter.close()


def _told(found: ReferenceFile, config: RunConfig, network: nn.Module) -> str:
    content, data = found.content, config.data
    trainable = sum(math.prod(parameter.shape) for parameter in network.parameters())
    images = f"images of {data.depth}x{data.side}x{data.side}"
    classes = content.layout.classes
    left = f" Left aside: {', '.join(found.left_aside[:8])}." if found.left_aside else ""
    if not isinstance(content, ReferenceModel):
        what = f"a {content.layout.architecture} with {trainable:,} parameters, {classes} classes"
        return f"{found.path.name}: {what}, {images}.{left}"
    net, which = config.network, content.which
    if which == "net_model":
        which += " (the file has no ema_model)"
    attention = ", ".join(map(str, net.attention_levels)) or "none"
    return (
        f"{found.path.name}: a U-Net with {trainable:,} parameters, from {which}; {net.channels} channels x "
        f"{net.multipliers}, residual blocks per level: {net.residual_blocks}, levels with attention: {attention}; "
        f"{images}, {classes or 'no'} classes; {content.own_steps} steps on a base grid of {content.num_timesteps} "
        f"levels; predicts {config.prediction}.{left}"
    )
