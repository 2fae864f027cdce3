"""A run that never was: any stage of a config can be trained at once, on images and parents of random numbers."""

import torch
from torch import Tensor, nn

from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.beginning import begin
from cfd_studio.engine.build import build_denoiser, build_network, derive_seed
from cfd_studio.engine.defaults import Choice, choose_paths
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.stages import DiffusionStage, FeatureStage, Stage

IMAGES = 64
PRESUMED_CLASSES = 10  # of images that have not been looked at


class Rehearsal:
    """Makes trainers and models by the very code that a job makes them by.

    Neither the images of the data set nor the weights of a stage that is taken from elsewhere are needed: how long a
    step takes and what it holds does not depend on what they show.

    Parameters
    ----------
    config : RunConfig
    plan : ExecutionPlan
    """

    def __init__(self, config: RunConfig, plan: ExecutionPlan) -> None:
        self._config = config
        self._plan = plan
        self._passes = Passes.of(plan)
        images = _random_images(config)
        self.images = images.to(plan.device) if plan.fast.data_on_device else images

    def trainer(self, stage: Stage) -> Trainer:
        """Return a stage that is to be trained, before its first step; it need not be as the config has it."""
        return begin(self._config, stage, self.images, self._plan, Ranks(), self._pretended, self._passes)

    def model(self, stage: DiffusionStage) -> Denoiser:
        """Return a teacher or student, ready to sample."""
        return build_denoiser(self._config, self._pretended(stage.id), self._plan.device, self._passes.eager())

    def noise(self, count: int) -> Tensor:
        """Return noise of the shape of a batch of images, on the CPU."""
        return torch.randn(count, *self.images.train.shape, generator=torch.Generator().manual_seed(0))

    def weights_size(self, stage: Stage) -> int:
        """Return the bytes of a stage's weights."""
        return size_of(self._outline(stage.id))

    def held(self, stage: Stage, state: TrainingState) -> int:
        """Return how many bytes a stage holds between two steps: weights, gradients, moments, average, and the frozen.

        The images themselves are left out.
        """
        network = state.network
        tensors = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        if state.gathered and state.gathered.whole.grad is not None:
            tensors.append(state.gathered.whole.grad)
        for moments in state.optimizer.state.values():
            tensors += [value for value in moments.values() if isinstance(value, Tensor)]
        networks = [network, *([state.ema.network] if state.ema else [])]
        networks += [self._passes.eager().frozen(self._outline(needed)) for needed in _frozen(stage)]
        return sum(tensor.nbytes for tensor in tensors) + sum(map(size_of, networks))

    def _pretended(self, stage_id: str) -> nn.Module:
        """Return a network as a trained stage leaves it, frozen; its weights are random, and none is zero."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self._config.seed, stage_id, "weights"))
            network = self._built(stage_id)
            fill_zeros(network)
        return network.to(self._plan.device).eval().requires_grad_(False)

    def _outline(self, stage_id: str) -> nn.Module:
        """Return a network without any numbers in it."""
        with torch.device("meta"):
            return self._built(stage_id).eval()

    def _built(self, stage_id: str) -> nn.Module:
        shape, classes = self.images.train.shape, self.images.classes
        return build_network(self._config, self._config.stage(stage_id), shape, classes)


def choice_of(config: RunConfig, request: ExecutionRequest, device: str) -> Choice:
    """Return what a job of a config would choose, as far as that can be told without its images.

    Raises
    ------
    CfdError
        Where the device cannot compute with the precision that is asked for.
    """
    shape = (config.data.depth, config.data.side, config.data.side)
    return choose_paths(request, config, shape, _classes(config), device)


def uncompiled(plan: ExecutionPlan) -> ExecutionPlan:
    """Return the same plan for work that is too short to compile anything."""
    return plan.model_copy(update={"fast": plan.fast.uncompiled()})


def fill_zeros(network: nn.Module) -> None:
    """Give layers that begin as zero random weights: as they are, much of a network passes nothing on."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not module.weight.any():
            module.reset_parameters()


def size_of(network: nn.Module) -> int:
    """Return the bytes of a network's parameters and buffers."""
    return sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))


def _frozen(stage: Stage) -> list[str]:
    """Return whose weights a stage keeps beside its own."""
    named = [stage.parent, stage.classifier if isinstance(stage, FeatureStage) else None]
    return [one for one in named if one is not None]


def _classes(config: RunConfig) -> int:
    return DATA_SETS[config.data.name].classes or PRESUMED_CLASSES


def _random_images(config: RunConfig) -> DataSet:
    classes = _classes(config)
    generator = torch.Generator().manual_seed(0)
    shape = (IMAGES, config.data.depth, config.data.side, config.data.side)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    some = ImageSet(images, torch.arange(IMAGES) % classes)
    return DataSet(config.data.name, some, some, classes, config.data.flips, key="")
