"""A run's trained models, ready to sample."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.build import ImageShape
from cfd_studio.engine.defaults import usual_passes
from cfd_studio.engine.gallery import BATCH_SIZE, Drawn, How, draw
from cfd_studio.engine.loading import load_denoiser, read_shape
from cfd_studio.engine.passes import PLAIN
from cfd_studio.engine.samplers import check_guidance
from cfd_studio.interop.weights import read_metadata
from cfd_studio.protocol.config import NetworkConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.fast_paths import AskedPrecision
from cfd_studio.protocol.sampling import DDIM
from cfd_studio.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Model:
    """A trained teacher or student.

    Attributes
    ----------
    own_steps : int
        Network calls it was made for.
    shape : (int, int, int)
        Channels, height and width of its images.
    classes : int
        That it can be asked for; 0 for a model that knows of no classes.
    network : NetworkConfig
        Of its run.
    clip : bool
        Whether it samples with estimates clipped to [-1, 1].
    """

    stage_id: str
    denoiser: Denoiser
    own_steps: int
    shape: ImageShape
    network: NetworkConfig
    student: bool
    classes: int = 0
    clip: bool = True
    _prepared: set[int] = field(default_factory=set)

    def draw(self, noise: Tensor, sampling_steps: int, **how: Unpack[How]) -> Drawn:
        """Draw one image per row of noise; see `cfd_studio.engine.gallery.draw`.

        A class-conditional model that is asked for no classes draws them in turn: image i is of class i modulo their
        number.

        The first call of a network on a shape of batch prepares it, which is no part of what an image costs: it is
        made once before the clock runs.

        Raises
        ------
        CfdError
            Where the model cannot use that many steps, or cannot be guided.
        """
        self.check_steps(sampling_steps)
        check_guidance(how.get("sampler", DDIM), self.network, student=self.student)
        how["clip"] = self.clip
        labels = how.get("labels")
        if labels is None:
            labels = how["labels"] = self.labels_in_turn(how.get("start", 0), len(noise))
        size = min(len(noise), how.get("batch_size", BATCH_SIZE))
        if size not in self._prepared:
            first = How(**how)
            first["labels"] = None if labels is None else labels[:size]
            first["trajectory"] = False
            draw(self.denoiser, noise[:size], self.own_steps, 1, **first)
            self._prepared.add(size)
        return draw(self.denoiser, noise, self.own_steps, sampling_steps, **how)

    def labels_in_turn(self, start: int, count: int) -> Tensor | None:
        """Return the classes of the images from ``start`` on, one after the other; None where it knows of none."""
        return torch.arange(start, start + count) % self.classes if self.classes else None

    def labels(self, wanted: Sequence[int] | None, count: int) -> Tensor | None:
        """Return the classes of ``count`` images: those wanted in turn, or, for None, whatever it draws unasked.

        Raises
        ------
        CfdError
            Where the model has no such class, or none to leave open.
        """
        if wanted is None:
            return None
        if not self.classes:
            raise CfdError(f"model '{self.stage_id}' knows of no classes", advice="Ask for none.")
        for label in wanted:
            if not (-1 if self.network.null_label else 0) <= label < self.classes:
                why = "never learnt to draw without a class" if label == -1 else f"has no class {label}"
                advice = f"Use 0 to {self.classes - 1}" + (", or -1 for none." if self.network.null_label else ".")
                raise CfdError(f"model '{self.stage_id}' {why}", advice=advice)
        return torch.tensor(wanted, dtype=torch.int64).repeat(-(-count // len(wanted)))[:count]

    def check_steps(self, sampling_steps: int) -> None:
        """Make sure that the model can sample with that many steps.

        Raises
        ------
        CfdError
            Where they are more than its own.
        """
        if not 1 <= sampling_steps <= self.own_steps:
            one = self.own_steps == 1
            raise CfdError(
                f"model '{self.stage_id}' was made for {self.own_steps} step{'' if one else 's'} "
                f"and cannot use {sampling_steps}",
                advice="Ask for 1." if one else f"Ask for 1 to {self.own_steps}.",
            )


def open_models(
    folder: Path, stage_ids: list[str] | None, device: str, precision: AskedPrecision | None = None
) -> list[Model]:
    """Return models of a run: those named, or all that are trained.

    Parameters
    ----------
    folder : Path
    stage_ids : list of str or None
    device : str
    precision : {"auto", "float32", "tf32", "bfloat16"}, optional
        Of the fast paths of the device; with none of them where it is left out.

    Raises
    ------
    CfdError
        Where the folder is no run, a name is no trained model, nothing is trained yet, or the device has no such
        precision.
    """
    run = RunFolder.open(folder)
    config = run.config()
    known = {stage.id: stage for stage in config.diffusion_stages()}
    if stage_ids is None:
        stage_ids = [stage_id for stage_id in known if run.weights(stage_id).exists()]
        if not stage_ids:
            raise CfdError("no model is trained yet", where=str(folder), advice="Resume the run first.")
    models = []
    for stage_id in stage_ids:
        if stage_id not in known:
            raise CfdError(
                f"the run has no model '{stage_id}'", where=str(folder), advice=f"It has {', '.join(known)}."
            )
        path = run.weights(stage_id)
        shape, classes = read_shape(read_metadata(path), path)
        passes = usual_passes(config, shape, classes, device, precision) if precision else PLAIN
        denoiser = load_denoiser(run, config, stage_id, device, passes)
        own_steps = config.own_steps(known[stage_id])
        classes = classes if config.network.conditional else 0
        student = known[stage_id].parent is not None
        clip = config.clip_samples
        models.append(Model(stage_id, denoiser, own_steps, shape, config.network, student, classes, clip))
    return models
