"""Checkpoints of the published CFD code: what they hold is found, and computes what that code computes."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import ToImage, x_from_eps, x_from_v, x_from_x
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.engine.gallery import draw
from cfd_studio.interop.reference import ReferenceClassifier, ReferenceModel, read_reference
from cfd_studio.interop.reference_unet import RATE, TABLE, UNetLayout, read_unet, their_names
from cfd_studio.interop.state import Misfit
from cfd_studio.networks.blocks import level_waves, wave_rates
from cfd_studio.networks.unet import UNet
from cfd_studio.protocol.config import NetworkConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import Sampler

CHECKPOINT = Path(__file__).with_name("reference") / "ckpt.pt"
Expected = dict[str, torch.Tensor]
Write = Callable[..., Path]


def model_of(path: Path) -> ReferenceModel:
    content = read_reference(path).content
    assert isinstance(content, ReferenceModel)
    return content


def network_of(model: ReferenceModel) -> UNet:
    network = model.layout.build()
    network.load_state_dict(model.weights, assign=True)
    return network.eval().requires_grad_(False)


def under_their_names(network: UNet, num_timesteps: int) -> dict[str, torch.Tensor]:
    """Write a network as the published code does."""
    state = network.state_dict()
    rates = state.pop(RATE)
    theirs = {TABLE: level_waves(torch.arange(num_timesteps + 1), rates)}
    for name, tensor in state.items():
        names = their_names(name)
        theirs |= dict(zip(names, tensor.chunk(len(names)), strict=True))
    return theirs


def randomised(network: UNet) -> UNet:
    """Give every weight a number of its own: half of them start as 0."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    return network


def test_names_and_shapes_tell_what_the_checkpoint_holds() -> None:
    found = read_reference(CHECKPOINT)
    model = found.content
    assert isinstance(model, ReferenceModel)
    layout = NetworkConfig(
        channels=32,
        multipliers=(1, 2),
        attention_levels=(1,),
        residual_blocks=1,
        norm_groups=32,
        conditional=True,
        label_dropout=0.0,
    )
    assert model.layout == UNetLayout(layout, image_channels=3, classes=7)
    assert (model.which, model.own_steps, model.num_timesteps, model.image_size) == ("net_model", 16, 64, 16)
    assert found.left_aside == ()


def test_the_network_computes_what_the_published_one_computes(expected: Expected) -> None:
    network = network_of(model_of(CHECKPOINT))
    output = network(expected["x_T"], expected["timesteps"], expected["labels"])
    torch.testing.assert_close(output, expected["network_output"], atol=1e-4, rtol=0)


def test_the_schedule_is_the_published_one(expected: Expected) -> None:
    schedule = NoiseSchedule.cosine(64, clean_end=False)
    torch.testing.assert_close(schedule.alpha_bar.sqrt(), expected["signal_scale"], atol=1e-12, rtol=0)


@pytest.mark.parametrize("steps", [16, 4])
def test_sampling_draws_what_the_published_sampler_draws(steps: int, expected: Expected) -> None:
    drawn = _drawn(x_from_x, steps, expected)
    torch.testing.assert_close(drawn, expected[f"ddim_{steps}_steps"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("to_image", [x_from_eps, x_from_v])
def test_no_other_prediction_draws_the_published_images(to_image: ToImage, expected: Expected) -> None:
    assert (_drawn(to_image, 16, expected) - expected["ddim_16_steps"]).abs().max() > 0.5


def _drawn(to_image: ToImage, steps: int, expected: Expected) -> torch.Tensor:
    model = model_of(CHECKPOINT)
    denoiser = Denoiser(network_of(model), to_image, NoiseSchedule.cosine(model.num_timesteps, clean_end=False))
    sampler = Sampler(name="reference")
    return draw(denoiser, expected["x_T"], model.own_steps, steps, sampler=sampler, labels=expected["labels"]).images


def test_the_cifar10_layout_has_as_many_values_as_the_published_one_and_comes_back() -> None:
    network = UNet(3, channels=128, multipliers=(1, 2, 2, 2), attention_levels=(1,), residual_blocks=2, norm_groups=32)
    theirs = under_their_names(randomised(network), 1024)
    assert sum(tensor.numel() for tensor in theirs.values()) == 35_877_507
    assert sum(parameter.numel() for parameter in network.parameters()) == 35_746_307
    assert theirs[TABLE].numel() == 131_200
    assert "upblocks.14.main.weight" not in theirs
    layout, weights = read_unet(theirs, 1024)
    assert layout == UNetLayout(NetworkConfig(label_dropout=0.0), image_channels=3, classes=0)
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("multipliers", "attention", "blocks", "classes", "image_channels"),
    [((1,), (), 1, 0, 1), ((1, 1, 3), (0, 2), 3, 5, 3), ((2, 1), (0,), 2, 10, 1)],
)
def test_any_layout_of_the_published_network_comes_back(
    multipliers: tuple[int, ...], attention: tuple[int, ...], blocks: int, classes: int, image_channels: int
) -> None:
    network = UNet(
        image_channels,
        channels=32,
        multipliers=multipliers,
        attention_levels=attention,
        residual_blocks=blocks,
        norm_groups=32,
        classes=classes,
    )
    layout, weights = read_unet(under_their_names(randomised(network), 16), 16)
    assert (layout.network.multipliers, layout.network.attention_levels) == (multipliers, attention)
    assert (layout.network.residual_blocks, layout.classes, layout.image_channels) == (blocks, classes, image_channels)
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


def test_the_average_is_taken_where_there_is_one(entries: dict[str, Any], written: Write) -> None:
    entries["ema_model"] = {name: tensor + 1 if name != TABLE else tensor for name, tensor in _net(entries)}
    entries["step"], entries["optim"] = 800_000, {"state": {}, "param_groups": []}
    found = read_reference(written(entries))
    assert found.content.which == "ema_model"
    assert torch.equal(found.content.weights["stem.bias"], entries["net_model"]["head.bias"] + 1)
    assert found.left_aside == ("optim", "step")


def _net(entries: dict[str, Any]) -> list[tuple[str, torch.Tensor]]:
    return list(entries["net_model"].items())


def test_what_dataparallel_wraps_is_understood(entries: dict[str, Any], written: Write) -> None:
    entries["net_model"] = {f"module.{name}": tensor.half() for name, tensor in _net(entries) if name != TABLE}
    entries["net_model"][f"module.{TABLE}"] = level_waves(torch.arange(65), wave_rates(32))
    plain, wrapped = model_of(CHECKPOINT), model_of(written(entries))
    assert wrapped.layout == plain.layout
    assert all(
        torch.equal(wrapped.weights[name], plain.weights[name].half().float()) for name in plain.weights.keys() - {RATE}
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_checkpoint_of_another_precision_is_understood_with_its_rounded_table(
    dtype: torch.dtype, entries: dict[str, Any], written: Write
) -> None:
    plain = model_of(CHECKPOINT)
    entries["net_model"] = {name: tensor.to(dtype) for name, tensor in _net(entries)}
    rounded = model_of(written(entries))
    assert all(
        torch.equal(rounded.weights[name], one.to(dtype).float()) for name, one in plain.weights.items() if name != RATE
    )
    assert torch.equal(rounded.weights[RATE], plain.weights[RATE])
    entries["net_model"][TABLE] = entries["net_model"][TABLE].roll(1, 0)
    assert "other sinusoids" in _refused(written(entries))


def test_parameters_are_taken_for_the_tensors_that_they_are(entries: dict[str, Any], written: Write) -> None:
    entries["net_model"] = {name: torch.nn.Parameter(tensor) for name, tensor in _net(entries)}
    weights, plain = model_of(written(entries)).weights, model_of(CHECKPOINT).weights
    assert all(torch.equal(weights[name], one) and not weights[name].requires_grad for name, one in plain.items())


def test_missing_and_unknown_tensors_are_named(entries: dict[str, Any], written: Write) -> None:
    state = entries["net_model"]
    state["tail.9.bias"] = state.pop("tail.0.bias")
    state["middleblocks.1.temb_proj.1.bias"] = torch.zeros(3)
    said = _refused(written(entries))
    assert "lacks tail.0.bias" in said
    assert "unknown tail.9.bias" in said
    assert "middleblocks.1.temb_proj.1.bias (is (3,), should be (64,))" in said


@pytest.mark.parametrize("key", ["net_model", "T", "time_scale"])
def test_missing_entries_are_named(key: str, entries: dict[str, Any], written: Write) -> None:
    del entries[key]
    assert f"has no {key}" in _refused(written(entries))


def test_another_table_of_sinusoids_is_refused(entries: dict[str, Any], written: Write) -> None:
    entries["net_model"][TABLE] = entries["net_model"][TABLE].flip(0)
    assert "other sinusoids" in _refused(written(entries))


def test_a_base_grid_that_the_table_does_not_have_is_refused(entries: dict[str, Any], written: Write) -> None:
    assert "should be (129, 32)" in _refused(written(entries | {"time_scale": 8}))


@pytest.mark.parametrize("architecture", ["resnet18", "resnet34", "resnet50"])
def test_resnets_are_recognised_by_their_blocks(architecture: str, written: Write) -> None:
    from torchvision import models

    network = models.get_model(architecture, weights=None, num_classes=10)
    network.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    state = {
        name: tensor[:1].clone() if "layer" in name else tensor
        for name, tensor in network.state_dict().items()
        if tensor.ndim
    }
    found = read_reference(written({"model": state, "acc": 0.95, "epoch": 200}))
    assert isinstance(found.content, ReferenceClassifier)
    assert (found.content.layout.architecture, found.content.layout.classes) == (architecture, 10)
    assert found.left_aside == ("acc", "epoch")


@pytest.mark.parametrize("architecture", ["densenet121", "densenet201"])
@pytest.mark.parametrize("prefix", ["", "features."])
def test_densenets_get_the_names_of_torchvision(architecture: str, prefix: str, written: Write) -> None:
    from torchvision import models

    with torch.device("meta"):
        network = models.get_model(architecture, weights=None, num_classes=100)
        network.features.conv0 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    theirs = {}
    for name in wanted:
        renamed = name
        for block in (1, 2, 3, 4):
            renamed = renamed.replace(f"features.denseblock{block}", f"{prefix}block{block}")
            renamed = renamed.replace(f"features.transition{block}", f"{prefix}trans{block}")
        renamed = renamed.replace("features.norm5", f"{prefix}final_norm").replace("classifier", "fc")
        theirs[renamed] = torch.zeros(wanted[name][:1] if "dense" in name else wanted[name])
    assert {"features.conv0.weight", f"{prefix}block3.denselayer24.conv2.weight"} <= theirs.keys()
    assert {f"{prefix}trans2.norm.weight", f"{prefix}final_norm.bias", "fc.weight"} <= theirs.keys()
    content = read_reference(written({"model": theirs})).content
    assert content.weights.keys() == wanted.keys()
    assert (content.layout.architecture, content.layout.classes) == (architecture, 100)


@pytest.mark.parametrize("stem", [7, 5])
def test_a_classifier_with_another_stem_is_refused(stem: int, written: Write) -> None:
    state = {"conv1.weight": torch.zeros(64, 3, stem, stem), "fc.weight": torch.zeros(10, 512)}
    assert f"convolution of {stem} pixels" in _refused(written({"model": state}))


class _Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def _deflated(entries: dict[str, Any]) -> bytes:
    whole, packed = io.BytesIO(), io.BytesIO()
    torch.save(entries, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return packed.getvalue()


def _with(entries: dict[str, Any], **tensors: torch.Tensor) -> dict[str, Any]:
    return entries | {
        "net_model": entries["net_model"] | {name.replace("__", "."): one for name, one in tensors.items()}
    }


HOSTILE: dict[str, Callable[[dict[str, Any], Path], Any]] = {
    "a call": lambda entries, crater: entries | {"optim": _Calls(Path.touch, crater)},
    "a bare pickle": lambda entries, crater: pickle.dumps(_Calls(Path.touch, crater)),
    "a bomb": lambda entries, crater: _deflated(entries),
    "nothing": lambda entries, crater: b"",
    "a list": lambda entries, crater: [entries],
    "no state dict": lambda entries, crater: entries | {"net_model": [1, 2]},
    "an empty state dict": lambda entries, crater: entries | {"net_model": {}},
    "a number for a tensor": lambda entries, crater: entries | {"net_model": {"head.weight": 3}},
    "steps beyond bounds": lambda entries, crater: entries | {"T": 10**18},
    "steps that are true": lambda entries, crater: entries | {"T": True},
    "not finite": lambda entries, crater: _with(entries, tail__2__bias=torch.full((3,), float("nan"))),
    "a number for a name": lambda entries, crater: entries | {"net_model": entries["net_model"] | {5: torch.zeros(3)}},
    "whole numbers": lambda entries, crater: _with(entries, tail__2__bias=torch.zeros(3, dtype=torch.int64)),
    "a flat head": lambda entries, crater: _with(entries, head__weight=torch.zeros(32)),
    "an empty head": lambda entries, crater: _with(entries, head__weight=torch.zeros(0, 3, 3, 3)),
    "thirty levels": lambda entries, crater: entries | {"net_model": _levels(entries["net_model"], 30)},
    "overlapping tensors": lambda entries, crater: entries | {"net_model": _overlapping(entries["net_model"])},
    "noise of another shape": lambda entries, crater: entries | {"x_T": torch.zeros(4, 1, 16, 16)},
    "noise without a shape": lambda entries, crater: entries | {"x_T": 3},
}


def _levels(state: dict[str, torch.Tensor], count: int) -> dict[str, torch.Tensor]:
    blocks = {
        f"downblocks.{2 * n}.block1.2.weight": state["downblocks.0.block1.2.weight"].clone() for n in range(count)
    }
    turns = {f"downblocks.{2 * n + 1}.main.weight": state["downblocks.1.main.weight"].clone() for n in range(count - 1)}
    return {name: one for name, one in state.items() if "downblocks" not in name} | blocks | turns


def _overlapping(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    whole = torch.zeros(1_000_000)
    return state | {f"more.{n}": whole for n in range(10)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_checkpoint_gets_a_sentence_and_runs_nothing(
    name: str, entries: dict[str, Any], written: Write, tmp_path: Path
) -> None:
    crater = tmp_path / "crater"
    _refused(written(HOSTILE[name](entries, crater)))
    assert not crater.exists()


def test_what_is_no_file_gets_a_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in _refused(tmp_path)
    assert "cannot be read" in _refused(tmp_path / "absent.pt")


def test_a_state_dict_without_a_head_is_a_misfit() -> None:
    with pytest.raises(Misfit, match=r"lacks head\.weight"):
        read_unet({"tail.0.weight": torch.zeros(3)}, 64)


def _refused(path: Path) -> str:
    with pytest.raises(CfdError) as caught:
        read_reference(path)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert str(path) in said
    return said
