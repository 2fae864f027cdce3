"""Every fast path does what it says when switched, and computes the same as plain float32."""

import copy
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from cfd_studio.engine.beginning import begin
from cfd_studio.engine.compiler import forget_compiled
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.distillation import FeatureObjective, ProgressiveObjective
from cfd_studio.engine.passes import Pass, Passes
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.trainer import Trainer
from cfd_studio.engine.warm_up import warm_up
from cfd_studio.networks.unet import UNet
from cfd_studio.protocol import strict_json
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import FastPaths, Precision
from cfd_studio.protocol.plan import resolve
from cfd_studio.workspace.resources import presets

Make = Callable[..., Trainer]
PLAIN = FastPaths.none()


class _Operations(TorchDispatchMode):
    """Notes the name of every operation, and in which number formats convolutions compute."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.formats: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        self.names.append(name)
        if name == "convolution":
            self.formats.add(args[0].dtype)
        return func(*args, **(kwargs or {}))


def _of_a_step(trainer: Trainer) -> _Operations:
    with _Operations() as operations:
        trainer.step()
    return operations


def _with(name: str, value: Any) -> FastPaths:
    return FastPaths.model_validate(PLAIN.model_dump() | {name: value})


def _frozen(trainer: Trainer) -> tuple[nn.Module, nn.Module]:
    """Return the bare teacher and classifier of a CFD stage."""
    assert isinstance(trainer.objective, FeatureObjective)
    called = trainer.objective.teacher.network, trainer.objective._classifier
    teacher, classifier = (one.network if isinstance(one, Pass) else one for one in called)
    return teacher, classifier


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        # On this layout the CPU works attention off step by step, with a softmax of its own.
        ("fused_attention", "_safe_softmax"),
        ("fused_optimizer", "_fused_adamw_"),
        ("foreach_average", "_foreach_lerp_"),
    ],
)
def test_a_switched_path_calls_its_own_operation(make_trainer: Make, name: str, operation: str) -> None:
    fast, plain = (_of_a_step(make_trainer("teacher", paths)).names for paths in (_with(name, True), PLAIN))
    assert operation in fast
    assert operation not in plain


@pytest.mark.parametrize("layout", ["none", "frozen", "all"])
def test_gathered_weights_are_clipped_moved_and_averaged_as_one_unless_their_channels_lie_last(
    make_trainer: Make, layout: str
) -> None:
    paths = _with("gathered_weights", True).model_copy(update={"foreach_average": True, "channels_last": layout})
    trainer = make_trainer("teacher", paths)
    trainer.step()
    assert len(trainer.state.with_gradient()) == (
        len(list(trainer.state.network.parameters())) if layout == "all" else 1
    )
    for network in (trainer.state.network, trainer.state.sampling_network):
        pieces = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
        assert (len(pieces) == 1) == (layout != "all")


def test_gradients_of_a_frozen_classifier_are_computed_only_where_nobody_forbids_it(make_trainer: Make) -> None:
    for forbidden in (True, False):
        trainer = make_trainer("cfd-2", _with("frozen_without_gradients", forbidden))
        trainer.step()
        _, classifier = _frozen(trainer)
        assert all((weight.grad is None) == forbidden for weight in classifier.parameters())


def test_a_folded_classifier_normalises_nothing_any_more(make_trainer: Make) -> None:
    fast, plain = (
        _of_a_step(make_trainer("cfd-2", paths)).names for paths in (_with("folded_normalization", True), PLAIN)
    )
    norms = [sum("batch_norm" in name for name in names) for names in (fast, plain)]
    assert norms[0] == 0 < norms[1]


@pytest.mark.parametrize(("whose", "trained", "frozen"), [("none", 0, 0), ("frozen", 0, 1), ("all", 1, 1)])
def test_channels_lie_last_in_whose_networks_it_was_asked_for(
    make_trainer: Make, whose: str, trained: bool, frozen: bool
) -> None:
    trainer = make_trainer("cfd-2", _with("channels_last", whose))
    trainer.step()

    def last(network: nn.Module) -> bool:
        weights = [one for one in network.parameters() if one.ndim == 4 and min(one.shape[1:3]) > 1]
        return all(one.is_contiguous(memory_format=torch.channels_last) for one in weights)

    average = trainer.state.ema.network if trainer.state.ema else trainer.state.network
    assert [last(trainer.state.network), last(average), *map(last, _frozen(trainer))] == [
        trained,
        trained,
        frozen,
        frozen,
    ]


@pytest.mark.parametrize(
    ("precision", "format_"), [("float32", torch.float32), ("tf32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_precision_is_that_of_every_pass_and_of_nothing_else(
    make_trainer: Make, precision: Any, format_: torch.dtype
) -> None:
    trainer = make_trainer("cfd-2", passes=Passes(precision=precision, fast=PLAIN))
    operations = _of_a_step(trainer)
    assert operations.formats == {format_, torch.float32}  # at either end of a network images are not rounded
    state = trainer.state.capture()
    moments = [value for one in state["optimizer"]["state"].values() for value in one.values()]
    for tensor in [*state["network"].values(), *moments]:
        assert tensor.dtype == torch.float32


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_products_are_rounded_on_cuda_only_while_it_is_asked_for(precision: Any) -> None:
    def settings() -> tuple[bool, bool, str]:
        matrices, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
        return matrices.allow_tf32, convolutions.allow_tf32, torch.get_float32_matmul_precision()

    before = settings()
    passes = Passes("cuda:0", precision)
    allowed = precision != "float32"
    with passes.arithmetic(), passes.arithmetic():
        assert settings()[:2] == (allowed, allowed)
    with pytest.raises(KeyError), passes.arithmetic():
        raise KeyError
    assert settings() == before


# The same numbers -----------------------------------------------------------------------------------------------------

ALL_FLOAT32 = {
    "channels_last": "all",
    "fused_attention": True,
    "fused_optimizer": True,
    "foreach_average": True,
    "gathered_weights": True,
    "frozen_without_gradients": True,
    "folded_normalization": True,
}


def _loss_and_gradient(trainer: Trainer, stir: float) -> tuple[dict[str, float], Tensor]:
    """Return what a step finds with weights that are moved away from where they begin, the same for the same stage."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in trainer.state.network.parameters():
            weight.add_(stir * torch.randn(weight.shape, generator=generator))
    for module in trainer.state.network.modules():
        if isinstance(module, nn.Dropout):  # draws its mask in the order in which values lie
            module.p = 0.0
    trainer.step()
    point = trainer.tally.read()
    assert point is not None
    gathered = trainer.state.gathered
    gradients = [weight.grad for weight in ([gathered.whole] if gathered else trainer.state.network.parameters())]
    return point.terms, torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])


def _differences(trainer: Trainer, plain: Trainer, stir: float = 0.1) -> tuple[float, float]:
    """Return how far loss and gradient are from plain ones, relative to them."""
    terms, gradient = _loss_and_gradient(trainer, stir)
    expected, exact = _loss_and_gradient(plain, stir)
    loss = sum(expected.values())
    return abs(sum(terms.values()) - loss) / abs(loss), float((gradient - exact).norm() / exact.norm())


@pytest.mark.parametrize("stage", ["classifier", "teacher", "pd-4", "cfd-2"])
def test_all_paths_in_float32_have_the_loss_and_gradient_of_plain(make_trainer: Make, stage: str) -> None:
    for layout in ("all", "none"):
        fast = FastPaths.model_validate(PLAIN.model_dump() | ALL_FLOAT32 | {"channels_last": layout})
        assert max(_differences(make_trainer(stage, fast), make_trainer(stage, PLAIN), 0.02)) < 1e-5


def test_a_teacher_in_bfloat16_has_the_loss_and_gradient_of_float32_within_two_percent(make_trainer: Make) -> None:
    fast = Passes(precision="bfloat16", fast=FastPaths.model_validate(PLAIN.model_dump() | ALL_FLOAT32))
    for stir in (0.02, 0.1):
        differences = _differences(make_trainer("teacher", passes=fast), make_trainer("teacher", PLAIN), stir)
        assert max(differences) < 2e-2


def test_images_are_rounded_at_neither_end_of_a_network_in_bfloat16(make_trainer: Make) -> None:
    network = make_trainer("teacher", PLAIN).state.network
    assert isinstance(network, UNet)
    seen: dict[str, Tensor] = {}
    network.stem.register_forward_hook(lambda _module, _inputs, output: seen.update(stem=output))
    z, level = torch.randn(2, 1, 8, 8), torch.full((2,), 8)
    passes = Passes(precision="bfloat16", fast=PLAIN)
    output = passes.trained(network)(z, level)
    assert output.dtype == torch.float32
    assert torch.equal(seen["stem"], functional.conv2d(z, network.stem.weight, network.stem.bias, padding=1))
    frozen = passes.frozen(network)(z, level)
    assert network.down[0].conv_in.weight.dtype == torch.bfloat16
    assert network.stem.weight.dtype == network.head.weight.dtype == frozen.dtype == torch.float32


@pytest.mark.slow
def test_a_teacher_that_has_learnt_has_in_bfloat16_the_gradient_of_float32_within_two_percent() -> None:
    config = resolve(strict_json.loads(presets()["digits"].read_text()))
    data, stage, plan = load_data(config.data), config.stage("teacher"), ExecutionPlan(device="cpu", threads=1)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    plain, fast = (
        begin(config, stage, data, plan, Ranks(), _no_parent, Passes(precision=precision)) for precision in precisions
    )
    for _ in range(600):
        plain.step()
    fast.state.restore(copy.deepcopy(plain.state.capture()))
    for _ in range(8):
        gradients = []
        for trainer in (fast, plain):
            trainer.step()
            gradients.append(torch.cat([_gradient_of(weight) for weight in trainer.state.network.parameters()]))
        assert (gradients[0] - gradients[1]).norm() < 2e-2 * gradients[1].norm()
        fast.state.restore(copy.deepcopy(plain.state.capture()))


def _gradient_of(weight: nn.Parameter) -> Tensor:
    assert weight.grad is not None
    return weight.grad.flatten()


def _no_parent(stage: str) -> nn.Module:
    raise AssertionError(stage)


@pytest.mark.parametrize("stage", ["pd-4", "cfd-2"])
def test_bfloat16_rounds_too_much_of_a_students_gradient(make_trainer: Make, stage: str) -> None:
    fast = Passes(precision="bfloat16", fast=PLAIN)
    _, gradient = _differences(make_trainer(stage, passes=fast), make_trainer(stage, PLAIN), 0.02)
    assert gradient > 2e-2


def test_classifiers_are_trained_in_float32_whatever_the_rest(make_trainer: Make) -> None:
    trainer = make_trainer("classifier", passes=Passes(precision="bfloat16", fast=PLAIN))
    assert _of_a_step(trainer).formats == {torch.float32}


def test_two_passes_of_a_teacher_record_nothing_whatever_its_weights_ask_for(make_trainer: Make) -> None:
    objective = make_trainer("pd-4", PLAIN).objective
    assert isinstance(objective, ProgressiveObjective)
    z, t = torch.zeros(2, 1, 8, 8), torch.full((2,), 8)
    assert all(weight.requires_grad for weight in objective.teacher.network.parameters())
    assert not objective.target(z, t).requires_grad


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler of C++")
@pytest.mark.timeout(900)
def test_compiled_networks_have_the_loss_and_gradient_of_plain_and_the_next_stage_costs_a_fraction(
    make_trainer: Make,
) -> None:
    passes = Passes(fast=_with("compilation", "default"))
    seconds = []
    for _ in range(2):
        trainer = make_trainer("cfd-2", passes=passes)  # has every pass that the others have
        began = time.process_time()
        warm_up(trainer, pytest.fail)
        seconds.append(time.process_time() - began)
        assert max(_differences(trainer, make_trainer("cfd-2", PLAIN))) < 1e-5
        trainer.step()
        trainer.step()  # measures every term's gradient, through a backward pass that runs again
        assert len(trainer.gradient_norms) == 4
    assert passes.compiler.mode == "default"
    assert seconds[1] < seconds[0] / 5
    forget_compiled()
