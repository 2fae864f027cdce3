"""Trained models written for other programs: weights with their description, ONNX, sets of images."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from cfd_studio.diffusion.samplers import sampling_levels, starting_noise
from cfd_studio.engine.execution import choose_device
from cfd_studio.engine.imageset import write_images
from cfd_studio.engine.loading import load_network, read_shape
from cfd_studio.engine.models import Model, open_models
from cfd_studio.interop.onnx_sampler import require_onnx, run_onnx, to_onnx
from cfd_studio.interop.weights import read_metadata, weights_bytes
from cfd_studio.protocol import strict_json
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errands import ExportFormat
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM, Sampler
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import LARGEST_NOTE, read_bounded
from cfd_studio.runs.outputs import check_output, writing

FORMAT, FORMAT_VERSION = "cfd-studio-export", 1
MOST_UNROLLED, MOST_QUICK = 64, 8  # steps of a graph
LARGEST_DIFFERENCE = 1e-3
CHECKED = 3  # images
_GRAPHS = (DDIM, Sampler(name="reference"))
SUFFIXES: dict[ExportFormat, str] = {"safetensors": ".safetensors", "onnx": ".onnx", "images": ""}


def export_model(
    run: Path,
    stage: str,
    to: ExportFormat,
    out: Path,
    *,
    device: str = "auto",
    steps: int | None = None,
    count: int = 1000,
    seed: int = 0,
    sampler: Sampler = DDIM,
    say: Callable[[str], object] | None = None,
) -> str:
    """Write a trained stage for other programs; whole, or not at all.

    Parameters
    ----------
    run : Path
    stage : str
    to : {"safetensors", "onnx", "images"}
        The weights with a JSON file that suffices to build the network and to sample; the model with its sampler loop
        as an ONNX graph, compared with torch before it is written; or numbered PNG files and one ``samples.npz``.
    out : Path
        A file of that suffix, or a new folder.
    device : str, optional
        Where images are drawn.
    steps : int, optional
        Network calls; the model's own by default.
    count, seed : int, optional
        Images of a set, and the seed of their noise.
    sampler : Sampler, optional
        How images are drawn; a graph can hold DDIM without fresh noise, and the reference's.
    say : callable, optional
        Given a sentence before work begins that may take minutes.

    Returns
    -------
    str
        What was written, in a sentence.

    Raises
    ------
    CfdError
        Where the run has no such trained stage, it cannot be written so, or a package is missing.
    """
    if SUFFIXES[to] and out.suffix != SUFFIXES[to]:
        raise CfdError(f"is no {SUFFIXES[to]} file", where=str(out), advice="Name the file so.")
    check_output(out, folder=to == "images")
    if to == "safetensors":
        if sampler != DDIM:
            raise CfdError(
                f"weights are written with the levels of ddim, not with the sampler {sampler}",
                where=str(out),
                advice="Leave out how images are drawn: weights can be drawn from with any sampler.",
            )
        _check_description(out.with_suffix(".json"))
    folder = RunFolder.open(run)
    config = folder.config()
    classifiers = [one.id for one in config.stages if isinstance(one, ClassifierStage)]
    if stage in classifiers:
        if to != "safetensors":
            raise CfdError(f"'{stage}' is a classifier, which draws no images", advice="Export it to safetensors.")
        if steps is not None:
            raise CfdError(f"'{stage}' is a classifier, which has no steps", advice="Leave the steps out.")
        with writing(out):
            return _write_classifier(folder, config, stage, out)
    if to == "onnx":
        require_onnx()  # before anything is loaded
    model = open_models(run, [stage], "cpu" if to == "onnx" else choose_device(device))[0]
    steps = steps or model.own_steps
    model.check_steps(steps)
    with writing(out):
        if to == "images":
            return write_images(model, out, steps=steps, count=count, seed=seed, sampler=sampler)
        if to == "onnx":
            return _write_onnx(model, steps, sampler, out, say)
        return _write_safetensors(config, model, steps, out)


def _write_safetensors(config: RunConfig, model: Model, steps: int, out: Path) -> str:
    schedule, network = model.denoiser.schedule, config.network.model_dump(exclude={"conditional", "label_dropout"})
    levels = sampling_levels(schedule.num_timesteps, model.own_steps, steps)
    channels, height, width = model.shape
    description = {
        "kind": "diffusion",
        "network": {"name": "unet", "image_channels": channels, **network, "classes": model.classes},
        "image": {"channels": channels, "height": height, "width": width, "range": [-1, 1]},
        "prediction": config.prediction,
        "schedule": {
            **config.schedule.model_dump(),
            "name": "cosine",
            "alpha_bar": schedule.alpha_bar.tolist(),
        },
        "sampling": {"sampler": "ddim", "own_steps": model.own_steps, "levels": levels, "clip": model.clip},
    }
    return _write_pair(out, config, model.stage_id, model.denoiser.network, description)


def _write_classifier(run: RunFolder, config: RunConfig, stage_id: str, out: Path) -> str:
    stage = config.stage(stage_id)
    assert isinstance(stage, ClassifierStage)
    network = load_network(run, config, stage_id, "cpu")
    path = run.weights(stage_id)
    (channels, height, width), classes = read_shape(read_metadata(path), path)
    shaping = stage.model_dump(
        include={"architecture", "width", "dropout", "stem", "input_size", "normalization", "classes_of"}
    )
    description = {
        "kind": "classifier",
        "network": {**shaping, "image_channels": channels, "classes": classes},
        "image": {"channels": channels, "height": height, "width": width, "range": [-1, 1]},
    }
    return _write_pair(out, config, stage_id, network, description)


def _write_pair(out: Path, config: RunConfig, stage_id: str, network: nn.Module, description: dict[str, Any]) -> str:
    beside = out.with_suffix(".json")
    about = {"format": FORMAT, "format_version": FORMAT_VERSION, "run": config.name, "stage": stage_id}
    out.parent.mkdir(parents=True, exist_ok=True)
    content = weights_bytes(network, {"stage": stage_id})
    weights = {"file": out.name, "sha256": hashlib.sha256(content).hexdigest()}
    told = json.dumps({**about, "weights": weights, **description}, indent=2).encode()
    atomic.write_together({out: content, beside: told})
    return f"The weights of '{stage_id}' are in {out}, and what builds their network and samples with it in {beside}."


def _check_description(path: Path) -> None:
    """Make sure that the JSON file beside the weights is not there, or an earlier export's."""
    check_output(path)
    try:
        about = strict_json.loads(read_bounded(path, LARGEST_NOTE, follow=True))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        about = None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise CfdError(
            "is there, is no description of weights, and would be replaced by one",
            where=str(path),
            advice="Give the weights another name.",
        )


def _write_onnx(model: Model, steps: int, sampler: Sampler, out: Path, say: Callable[[str], object] | None) -> str:
    if sampler not in _GRAPHS:
        raise CfdError(
            f"a graph cannot hold the sampler {sampler}", where=str(out), advice="Use ddim without eta, or reference."
        )
    if steps > MOST_UNROLLED:
        raise CfdError(
            f"{steps} steps of '{model.stage_id}' would make a graph of {steps} networks",
            where=str(out),
            advice=f"Ask for at most {MOST_UNROLLED} (--steps), or export a student.",
        )
    if say:
        long = ", which takes minutes" if steps > MOST_QUICK else ""
        say(f"Writing a graph of {steps} network{'s' if steps > 1 else ''} and comparing it with torch{long}.")
    schedule = model.denoiser.schedule
    levels = sampling_levels(schedule.num_timesteps, model.own_steps, steps)
    noise = starting_noise(0, 0, CHECKED, model.shape)
    labels = model.labels_in_turn(0, CHECKED)
    reference = sampler != DDIM
    clip = model.clip or reference
    content = to_onnx(model.denoiser, noise, labels, levels, clip=clip, clip_last=reference)
    difference = 0.0
    for rows in (slice(None), slice(1)):  # the size of a batch is open, and one image is the case that gets lost
        told = None if labels is None else labels[rows]
        wanted = model.draw(noise[rows], steps, sampler=sampler, labels=told).images
        difference = max(difference, float((run_onnx(content, noise[rows], told) - wanted).abs().max()))
    if not difference <= LARGEST_DIFFERENCE:
        raise CfdError(
            f"onnxruntime draws other images than torch (they differ by {difference:.2g}); nothing was written",
            where=str(out),
            advice="Export to safetensors, or ask for fewer steps.",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(out, content)
    noun = "step" if steps == 1 else "steps"
    return (
        f"'{model.stage_id}' with {steps} {noun} is in {out} ({len(content):,} bytes); onnxruntime and torch differ by "
        f"{difference:.2g} at most."
    )
