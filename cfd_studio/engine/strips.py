"""The same few images, drawn again and again while a model is trained: what it has learnt by then."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from cfd_studio.data.images import DataSet, to_float, to_uint8
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.build import TO_IMAGE, ImageShape, build_schedule, derive_seed
from cfd_studio.engine.evaluation import judged_steps
from cfd_studio.engine.gallery import draw, write_strip
from cfd_studio.engine.jury import PREVIEW, judged_labels
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs.folder import RunFolder


def strip_path(run: RunFolder, stage_id: str, step: int) -> Path:
    """Return where the images lie that a stage drew after an optimizer step."""
    return run.stage(stage_id) / "samples" / f"step-{step:08d}.png"


@dataclass(frozen=True, slots=True)
class Strips:
    """Draws the first images that the judge will see at the end, in the same way and from the same noise.

    Attributes
    ----------
    every : int
        Optimizer steps between two strips. The last step has none: the judge draws that one.
    sampling_steps : int
        Of each image.
    """

    run: RunFolder
    config: RunConfig
    stage: Stage
    shape: ImageShape
    labels: Tensor | None
    device: str
    every: int
    sampling_steps: int

    @classmethod
    def of(cls, run: RunFolder, config: RunConfig, stage: Stage, data: DataSet, device: str) -> "Strips | None":
        """Return what draws the strips of a stage; None where none are wanted, and for a classifier."""
        every = config.journal.samples_every
        if not every or isinstance(stage, ClassifierStage):
            return None
        labels = judged_labels(config, data)
        steps = judged_steps(config, config.own_steps(stage))[0]
        labels = None if labels is None else labels[:PREVIEW]
        return cls(run, config, stage, data.train.shape, labels, device, every, steps)

    def due(self, step: int) -> bool:
        """Return whether a strip belongs to that optimizer step."""
        return step % self.every == 0 and step < self.stage.steps

    def exists(self, step: int) -> bool:
        """Return whether it is there already."""
        return strip_path(self.run, self.stage.id, step).exists()

    def draw(self, network: nn.Module, turn: AbstractContextManager[None], on_call: Callable[[], None]) -> Tensor:
        """Return the images in [-1, 1], shape (PREVIEW, C, H, W), rounded to 8 bits as the judge's are.

        Parameters
        ----------
        network : nn.Module
            In evaluation mode.
        turn, on_call
            As in `cfd_studio.engine.gallery.draw`.
        """
        config, stage = self.config, self.stage
        assert not isinstance(stage, ClassifierStage)
        seed = derive_seed(config.seed, "evaluation")
        drawn = draw(
            Denoiser(network, TO_IMAGE[config.prediction], build_schedule(config, self.device)),
            starting_noise(seed, 0, PREVIEW, self.shape),
            config.own_steps(stage),
            self.sampling_steps,
            sampler=config.sampler_for(stage),
            seed=seed,
            labels=self.labels,
            clip=config.clip_samples,
            turn=turn,
            on_call=on_call,
        )
        return to_float(to_uint8(drawn.images))

    def write(self, step: int, images: Tensor) -> None:
        """Keep a strip, whole or not at all."""
        write_strip(strip_path(self.run, self.stage.id, step), images, PREVIEW)
