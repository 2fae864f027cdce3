"""A run that never was: any stage of a config can be trained at once, on images and parents of random numbers."""

from pathlib import Path

import torch
from torch import Tensor

from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.build import build_network, derive_seed
from cfd_studio.engine.loading import load_denoiser, weights_metadata
from cfd_studio.engine.prepare import prepare
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.interop.weights import save_weights
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.stages import DiffusionStage, FeatureStage, Stage
from cfd_studio.runs.folder import RunFolder

IMAGES = 64
PRESUMED_CLASSES = 10  # of images that have not been looked at


class Rehearsal:
    """Makes trainers and models by the very code that a job makes them by.

    Neither the images of the data set nor the weights of a stage that is taken from elsewhere are needed: how long a
    step takes and what it holds does not depend on what they show.

    Parameters
    ----------
    folder : Path
        Empty; weights of random numbers are written there.
    config : RunConfig
    device : str
    """

    def __init__(self, folder: Path, config: RunConfig, device: str) -> None:
        self._run = RunFolder(folder)
        self._config = config
        self._device = device
        self._images = _random_images(config)

    def trainer(self, stage: Stage) -> Trainer:
        """Return a stage that is to be trained, before its first step."""
        for needed in _frozen(stage):
            self._pretend(needed)
        plan = ExecutionPlan(device=self._device, threads=torch.get_num_threads())
        return prepare(self._run, self._config, stage, self._images.to(self._device), plan, Ranks(), 0)

    def model(self, stage: DiffusionStage) -> Denoiser:
        """Return a teacher or student, ready to sample."""
        self._pretend(stage.id)
        return load_denoiser(self._run, self._config, stage.id, self._device)

    def noise(self, count: int) -> Tensor:
        """Return noise of the shape of a batch of images, on the device."""
        return torch.randn(count, *self._images.train.shape, generator=torch.Generator().manual_seed(0)).to(
            self._device
        )

    def weights_size(self, stage: Stage) -> int:
        """Return the bytes of a stage's file of weights."""
        self._pretend(stage.id)
        return self._run.weights(stage.id).stat().st_size

    def held(self, stage: Stage, state: TrainingState) -> int:
        """Return how many bytes a stage holds between two steps: weights, gradients, moments, average, and the frozen.

        The images themselves are left out.
        """
        network = state.network
        tensors: list[Tensor] = [*network.parameters(), *network.buffers()]
        tensors += [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        for moments in state.optimizer.state.values():
            tensors += [value for value in moments.values() if isinstance(value, Tensor)]
        if state.ema:
            tensors += [*state.ema.network.parameters(), *state.ema.network.buffers()]
        files = sum(self._run.weights(needed).stat().st_size for needed in _frozen(stage))
        return files + sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def _pretend(self, stage_id: str) -> None:
        """Let a stage be trained, in so far as its weights lie where they would."""
        path, train = self._run.weights(stage_id), self._images.train
        if path.exists():
            return
        stage = self._config.stage(stage_id)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self._config.seed, stage_id, "weights"))
            network = build_network(self._config, stage, train.shape, self._images.classes)
        save_weights(path, network, weights_metadata(stage, train.shape, self._images.classes))


def _frozen(stage: Stage) -> list[str]:
    """Return whose weights a stage keeps beside its own."""
    named = [stage.parent, stage.classifier if isinstance(stage, FeatureStage) else None]
    return [one for one in named if one is not None]


def _random_images(config: RunConfig) -> DataSet:
    classes = DATA_SETS[config.data.name].classes or PRESUMED_CLASSES
    generator = torch.Generator().manual_seed(0)
    shape = (IMAGES, config.data.depth, config.data.side, config.data.side)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    some = ImageSet(images, torch.arange(IMAGES) % classes)
    return DataSet(config.data.name, some, some, classes, config.data.flips, key="")
