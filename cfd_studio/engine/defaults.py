"""Which precision and which fast paths a job takes where nobody chooses: by device, and by the size of the network.

The choice is a rule and no measurement, so that the same experiment on the same machine is the same run. The rule is
what ``cfd-studio bench --ablate`` showed; it prints what every path gains on the machine at hand.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cfd_studio.engine.build import ImageShape, build_network
from cfd_studio.engine.passes import Passes, exact
from cfd_studio.networks.blocks import Attention
from cfd_studio.networks.classifiers import Classifier
from cfd_studio.networks.inputs import ClassifierInput
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import AskedPrecision, FastPaths, Precision
from cfd_studio.protocol.stages import Stage

# Of a forward pass for one image. Below the first bound nothing gains anything: converting to bfloat16 and back costs a
# CPU as much as it saves (the digits' network takes 0.008). Below the second the channels are too few to lie last.
SMALL_GFLOP = 0.1
CHANNELS_LAST_GFLOP = 0.5
# Compiling takes about a minute per stage, which the stage must win back.
LONG_PFLOP = 30.0  # of all optimizer steps of a stage


class Choice(NamedTuple):
    """What of an execution plan decides how a network is passed through.

    Attributes
    ----------
    precision, distillation_precision : Precision
        Of all passes, but of those in which a student is trained.
    fast : FastPaths
    threads : int
        On the CPU; 0 where only a measurement can tell.
    """

    precision: Precision
    distillation_precision: Precision
    fast: FastPaths
    threads: int

    def plan(self, device: str) -> ExecutionPlan:
        """Return the plan of a process that is alone; with one thread where they are to be measured."""
        return ExecutionPlan(device=device, **self._replace(threads=self.threads or 1)._asdict())


def choose_paths(
    request: ExecutionRequest,
    config: RunConfig,
    shape: ImageShape,
    classes: int,
    device: str,
    last: ExecutionPlan | None = None,
) -> Choice:
    """Return what a request asks for; what it leaves open is as in the last job, or by default.

    A student that has learnt is nearly its teacher. What is left to learn is a difference of near equals, smaller than
    what bfloat16 rounds off: of a 16-step student of digits it made the loss wrong by a quarter at the end. So unasked
    no student is trained in it.

    A small network takes one thread. Of two the digits' network gains a sixth on an idle machine; what is computed
    ahead on that core gains more, and two threads that others disturb take ten times as long as one.

    Parameters
    ----------
    request : ExecutionRequest
    config : RunConfig
    shape : (int, int, int)
        Channels, height and width of an image.
    classes : int
    device : str
        As `cfd_studio.engine.execution.choose_device` returns it.
    last : ExecutionPlan, optional
        Of the run's last job on such a device.

    Raises
    ------
    CfdError
        Where the device cannot compute with the precision that is asked for.
    """
    check_precision(request.precision, device)
    work = _work(config, shape, classes)
    precision, fast = (last.precision, last.fast) if last else _by_default(work, config.stages, device)
    distillation = last.distillation_precision if last else exact(precision, device)
    if request.precision != "auto":
        precision = distillation = request.precision
    fast = fast.model_copy(update=request.fast_wishes)
    alone = device == "cpu" and fast.idle_core and work < SMALL_GFLOP * 1e9
    return Choice(precision, distillation, fast, request.threads or int(alone))


def check_precision(wanted: AskedPrecision, device: str) -> None:
    """Make sure that a device can compute with a precision.

    Raises
    ------
    CfdError
        Where it cannot.
    """
    cuda = device.startswith("cuda")
    if wanted == "tf32" and not cuda:
        raise CfdError(
            f"TF32 is a number format of CUDA devices, and this is {device}",
            where="precision",
            advice="Use auto, float32 or bfloat16.",
        )
    if wanted == "bfloat16" and cuda and not _cuda_computes_bfloat16(device):
        raise CfdError(f"{device} cannot compute with bfloat16", where="precision", advice="Use auto, float32 or tf32.")


def usual_passes(
    config: RunConfig, shape: ImageShape, classes: int, device: str, precision: AskedPrecision = "auto"
) -> Passes:
    """Return how a model is passed through that is sampled from outside a job: as the defaults say, uncompiled.

    Raises
    ------
    CfdError
        Where the device cannot compute with the precision that is asked for.
    """
    chosen = choose_paths(ExecutionRequest(precision=precision), config, shape, classes, device)
    return Passes(device, chosen.precision, chosen.fast).eager()


def forward_flops(config: RunConfig, stage: Stage, shape: ImageShape, classes: int) -> float:
    """Return the floating-point operations of all matrix products for one image; nothing is computed.

    torch's own counter loads all of its compiler first, which takes longer than a small job needs to begin.
    """
    counted = 0

    def count(layer: nn.Conv2d | nn.Linear | Attention, _inputs: object, output: Tensor) -> None:
        nonlocal counted
        # Each value sums as many products as its filter has weights, in attention twice one per pixel.
        products = 2 * output[0, 0].numel() if isinstance(layer, Attention) else layer.weight[0].numel()
        counted += 2 * output.numel() * products

    with torch.device("meta"), torch.no_grad():
        network = build_network(config, stage, shape, classes).eval()
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | Attention):
                module.register_forward_hook(count)
        if isinstance(network, Classifier):
            network(_fed(network, shape))
        else:
            network(torch.empty(1, *shape), torch.ones(1, dtype=torch.int64))
    return float(counted)


def _fed(classifier: Classifier, shape: ImageShape) -> Tensor:
    """Return what a classifier's network sees of an image, and let it see that; resizing is not known on meta."""
    before, classifier.input = classifier.input, nn.Identity()
    assert isinstance(before, ClassifierInput)
    _, height, width = shape
    return torch.empty(1, before.channels, before.size or height, before.size or width)


def _work(config: RunConfig, shape: ImageShape, classes: int) -> float:
    """Return the operations of a forward pass of the network that most of a job is about."""
    stages: list[Stage] = [*config.diffusion_stages(), *config.stages]
    stage = next((one for one in stages if one.optimization), stages[0])
    return forward_flops(config, stage, shape, classes)


def _by_default(work: float, stages: Iterable[Stage], device: str) -> tuple[Precision, FastPaths]:
    # Of a teacher: forward and backward. The few frozen passes of a student count little here.
    longest = max((3 * work * one.images for one in stages if one.optimization), default=0.0)
    return _DEFAULTS[torch.device(device).type](device, work, longest)


def _on_cpu(_device: str, work: float, _longest: float) -> tuple[Precision, FastPaths]:
    if work < SMALL_GFLOP * 1e9:
        return "float32", FastPaths(gathered_weights=True, idle_core=True, background_saving=True)
    fast = FastPaths(
        # Of what is trained the backward pass of group normalisation is slow with the channels last.
        channels_last="frozen" if work >= CHANNELS_LAST_GFLOP * 1e9 else "none",
        fused_attention=False,  # there is no such kernel for what lies as it does here
        folded_normalization=True,
        idle_core=True,
        background_saving=True,
    )
    return ("bfloat16" if _computes_bfloat16() else "float32"), fast


def _on_cuda(device: str, work: float, longest: float) -> tuple[Precision, FastPaths]:
    compiled = longest >= LONG_PFLOP * 1e15
    fast = FastPaths(
        channels_last="all",
        compilation="default" if compiled else "off",
        folded_normalization=True,
        background_saving=True,
    )
    converted = work >= SMALL_GFLOP * 1e9 and _cuda_computes_bfloat16(device)
    return ("bfloat16" if converted else "tf32"), fast


def _on_metal(_device: str, _work: float, _longest: float) -> tuple[Precision, FastPaths]:
    return "float32", FastPaths(folded_normalization=True, background_saving=True)  # nothing else was measured there


_DEFAULTS = {"cpu": _on_cpu, "cuda": _on_cuda, "mps": _on_metal}


def _cuda_computes_bfloat16(device: str) -> bool:
    """Tell whether this very device has instructions for it; torch's own question is about the current one."""
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def _computes_bfloat16() -> bool:
    """Tell whether this CPU has instructions for it; without them it is emulated, and slower than float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
