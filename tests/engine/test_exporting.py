"""Trained models for other programs: what is written is whole, and suffices to draw the same images."""

import contextlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from cfd_studio.cli.app import run_command_line
from cfd_studio.data.images import to_uint8
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine import exporting, imageset
from cfd_studio.engine.exporting import export_model
from cfd_studio.engine.job import run_job
from cfd_studio.engine.loading import load_network
from cfd_studio.engine.models import open_models
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder


def call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], lambda **_: 0)


@pytest.fixture
def conditional_run(tmp_path: Path, mini_recipe: dict[str, Any], mini_config: Callable[..., RunConfig]) -> RunFolder:
    """Return a run whose teacher draws the class it is asked for, trained for a moment."""
    teacher = mini_recipe["stages"][2]
    teacher["optimization"]["steps"] = 4
    network = mini_recipe["network"] | {"conditional": True}
    evaluation = {"samples": 16, "sampling_steps": [1]}
    config = mini_config(network=network, stages=[teacher], evaluation=evaluation)
    run = RunFolder.create(tmp_path / "conditional", config)
    run_job(run, ExecutionRequest(device="cpu", threads=1))
    return run


def rebuilt(path: Path) -> Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]:
    """Return a sampler made of the two files alone, in plain torch around our network."""
    from cfd_studio.networks.unet import UNet

    about = json.loads(path.with_suffix(".json").read_bytes())
    arguments = {name: value for name, value in about["network"].items() if name != "name"}
    network = UNet(arguments.pop("image_channels"), **arguments)
    network.load_state_dict(load_file(path))
    network.eval()
    table = torch.tensor(about["schedule"]["alpha_bar"], dtype=torch.float64)
    signal, noise = table.sqrt().float(), (1 - table).sqrt().float()

    @torch.no_grad()
    def draw(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        levels = about["sampling"]["levels"]
        for t, after in itertools.pairwise(levels):
            level = torch.full((len(z),), t)
            output = network(z, level) if labels is None else network(z, level, labels)
            x = {"x": output, "v": signal[t] * z - noise[t] * output}[about["prediction"]]
            x = x.clamp(*about["image"]["range"]) if about["sampling"]["clip"] else x
            z = signal[after] * x + noise[after] * ((z - signal[t] * x) / noise[t])
        return z

    return draw


@pytest.mark.parametrize(("stage", "steps"), [("teacher", 8), ("teacher", 3), ("cfd-2", 2)])
def test_two_files_alone_draw_the_same_images(stage: str, steps: int, trained_run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "new" / "model.safetensors"
    sentence = export_model(trained_run.path, stage, "safetensors", out, steps=steps)
    assert str(out) in sentence
    noise = starting_noise(5, 0, 3, (1, 8, 8))
    wanted = open_models(trained_run.path, [stage], "cpu")[0].draw(noise, steps).images
    assert torch.equal(rebuilt(out)(noise, None), wanted)
    assert sorted(path.name for path in out.parent.iterdir()) == ["model.json", "model.safetensors"]


def test_two_files_alone_draw_the_same_classes(conditional_run: RunFolder, tmp_path: Path) -> None:
    export_model(conditional_run.path, "teacher", "safetensors", tmp_path / "model.safetensors")
    noise, labels = starting_noise(5, 0, 3, (1, 8, 8)), torch.tensor([7, 1, 1])
    wanted = open_models(conditional_run.path, None, "cpu")[0].draw(noise, 8, labels=labels).images
    drawn = rebuilt(tmp_path / "model.safetensors")
    assert torch.equal(drawn(noise, labels), wanted)
    assert not torch.equal(drawn(noise, labels.flip(0)), wanted)


def test_a_classifier_is_exported_with_what_shapes_it(trained_run: RunFolder, tmp_path: Path) -> None:
    export_model(trained_run.path, "classifier", "safetensors", tmp_path / "c.safetensors")
    about = json.loads((tmp_path / "c.json").read_bytes())
    shape = {name: about["network"][name] for name in ("architecture", "width", "image_channels", "classes")}
    assert shape == {"architecture": "cnn", "width": 8, "image_channels": 1, "classes": 10}
    state = load_network(trained_run, trained_run.config(), "classifier", "cpu").state_dict()
    tensors = load_file(tmp_path / "c.safetensors")
    assert all(torch.equal(tensors[name], tensor) for name, tensor in state.items())
    for to in ("onnx", "images"):
        with pytest.raises(CfdError, match="is a classifier, which draws no images"):
            export_model(trained_run.path, "classifier", to, tmp_path / f"c.{to}")


def test_images_are_those_of_their_seed_and_number(
    conditional_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imageset, "BATCH_SIZE", 4)
    out = tmp_path / "set"
    assert call(
        "export", conditional_run.path, "--stage", "teacher", "--to", "images", "--out", out,
        "--steps", "2", "--count", "13", "--seed", "9", "--device", "cpu",
    ) == 0  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == [*(f"{n:06d}.png" for n in range(13)), "samples.npz"]
    model = open_models(conditional_run.path, None, "cpu")[0]
    noise, labels = starting_noise(9, 0, 13, (1, 8, 8)), torch.arange(13) % 10
    wanted = to_uint8(model.draw(noise, 2, labels=labels, batch_size=4).images)
    with np.load(out / "samples.npz", allow_pickle=False) as arrays:
        assert arrays["arr_0"].dtype == np.uint8
        assert arrays["arr_0"].shape == (13, 8, 8, 3)
        assert np.array_equal(arrays["arr_1"], labels.numpy())
        assert np.array_equal(arrays["arr_0"][..., 0], wanted[:, 0].numpy())
        for index in range(13):
            assert np.array_equal(np.asarray(Image.open(out / f"{index:06d}.png")), arrays["arr_0"][index])


def test_a_set_is_drawn_by_the_sampler_that_is_asked_for(
    trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imageset, "BATCH_SIZE", 3)
    how = ("--sampler", "ancestral", "--steps", "4", "--count", "5", "--seed", "2", "--device", "cpu")
    assert call("export", trained_run.path, "--stage", "pd-4", "--to", "images", "--out", tmp_path / "set", *how) == 0
    model, noise = open_models(trained_run.path, ["pd-4"], "cpu")[0], starting_noise(2, 0, 5, (1, 8, 8))
    wanted = to_uint8(model.draw(noise, 4, sampler=Sampler(name="ancestral"), seed=2, batch_size=3).images)
    with np.load(tmp_path / "set" / "samples.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["arr_0"][..., 0], wanted[:, 0].numpy())


@pytest.mark.parametrize("sampler", [Sampler(eta=0.5), Sampler(name="ancestral"), Sampler(guidance=2.0)])
def test_a_graph_holds_no_sampler_that_it_cannot(sampler: Sampler, trained_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(CfdError, match=f"cannot hold the sampler {sampler}"):
        export_model(trained_run.path, "cfd-2", "onnx", tmp_path / "m.onnx", sampler=sampler)


def test_a_set_of_a_model_without_classes_has_no_array_of_them(trained_run: RunFolder, tmp_path: Path) -> None:
    export_model(trained_run.path, "cfd-2", "images", tmp_path / "set", count=2)
    with np.load(tmp_path / "set" / "samples.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"arr_0"}


def test_a_folder_with_something_in_it_is_left_alone(trained_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("dear")
    for out in (tmp_path / "set", tmp_path / "set" / "thesis.txt"):
        with pytest.raises(CfdError, match="is not empty"):
            export_model(trained_run.path, "cfd-2", "images", out, count=2)
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("to", ["images", "safetensors"])
def test_an_export_that_fails_leaves_nothing(
    to: Any, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(Image.Image, "save", fail)
    (tmp_path / "new").mkdir()
    out = tmp_path / "new" / ("set" if to == "images" else "m.safetensors")
    with pytest.raises(CfdError, match="No space left on device"):
        export_model(trained_run.path, "cfd-2", to, out, count=2)
    assert list((tmp_path / "new").iterdir()) == []


def test_weights_and_their_description_are_replaced_together(
    trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.safetensors"
    export_model(trained_run.path, "pd-4", "safetensors", out)
    old = [out.read_bytes(), out.with_suffix(".json").read_bytes()]
    opened, written = atomic.opened, []

    @contextlib.contextmanager
    def second_does_not_fit(path: Path) -> Iterator[BinaryIO]:
        with opened(path) as stream:
            written.append(path)
            if len(written) == 2:
                raise OSError(28, "No space left on device")
            yield stream

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "opened", second_does_not_fit)
        with pytest.raises(CfdError, match="No space left on device"):
            export_model(trained_run.path, "cfd-2", "safetensors", out)
    assert [out.read_bytes(), out.with_suffix(".json").read_bytes()] == old
    export_model(trained_run.path, "cfd-2", "safetensors", out)
    assert json.loads(out.with_suffix(".json").read_bytes())["stage"] == "cfd-2"


@pytest.mark.parametrize("content", [b'{"name": "mine"}', b"[1]", b"no JSON", b""])
def test_a_json_file_of_somebody_else_beside_the_weights_is_left_alone(
    content: bytes, trained_run: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(CfdError, match="is no description of weights"):
        export_model(trained_run.path, "cfd-2", "safetensors", tmp_path / "m.safetensors")
    assert [(path.name, path.read_bytes()) for path in tmp_path.glob("m.*")] == [("m.json", content)]


@pytest.mark.parametrize(
    ("stage", "options", "words"),
    [
        ("cfd-2", ("--sampler", "ancestral"), "not with the sampler ancestral"),
        ("teacher", ("--eta", "0.5"), "not with the sampler ddim, eta 0.5"),
        ("classifier", ("--guidance", "2"), "not with the sampler ddim, guidance 2"),
        ("classifier", ("--steps", "4"), "'classifier' is a classifier, which has no steps"),
    ],
)
def test_what_weights_do_not_hold_is_not_asked_of_them(
    stage: str, options: tuple[str, ...], words: str, trained_run: RunFolder, tmp_path: Path, capsys: Any
) -> None:
    how = ("--stage", stage, "--to", "safetensors", "--out", tmp_path / "m.safetensors", *options)
    assert call("export", trained_run.path, *how) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("m.*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody", "safetensors", "x.safetensors"), "no model 'nobody'"),
        (("cfd-2", "safetensors", "x.pt"), r"is no \.safetensors file"),
        (("cfd-2", "onnx", "x.safetensors"), r"is no \.onnx file"),
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(
    arguments: tuple[str, Any, str], words: str, trained_run: RunFolder, tmp_path: Path
) -> None:
    stage, to, name = arguments
    with pytest.raises(CfdError, match=words):
        export_model(trained_run.path, stage, to, tmp_path / name)
    with pytest.raises(CfdError, match="was made for 2 steps and cannot use 4"):
        export_model(trained_run.path, "cfd-2", "images", tmp_path / "x", steps=4)


def test_a_loop_of_absurd_length_is_not_unrolled(
    trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exporting.MOST_UNROLLED == 64
    monkeypatch.setattr(exporting, "MOST_UNROLLED", 7)
    with pytest.raises(CfdError, match="8 steps of 'teacher' would make a graph of 8 networks"):
        export_model(trained_run.path, "teacher", "onnx", tmp_path / "m.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_named(
    missing: str, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for package in ("onnx", "onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, package, None if package == missing else torch)
    assert call("export", trained_run.path, "--stage", "cfd-2", "--to", "onnx", "--out", tmp_path / "m.onnx") == 2
    said = capsys.readouterr().err
    assert f"not installed ({missing})" in said
    assert "pip install 'cfd-studio[export]'" in said


@pytest.mark.slow
def test_onnx_draws_what_torch_draws_for_any_size_of_batch(trained_run: RunFolder, tmp_path: Path, capsys: Any) -> None:
    import onnxruntime

    out = tmp_path / "student.onnx"
    assert call("export", trained_run.path, "--stage", "cfd-2", "--to", "onnx", "--out", out) == 0
    said = capsys.readouterr()
    assert "onnxruntime and torch differ by" in said.out
    assert "Writing a graph of 2 networks and comparing it with torch." in said.err
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["noise"]
    for count in (1, 2, 7):
        noise = starting_noise(3, 0, count, (1, 8, 8))
        wanted = open_models(trained_run.path, ["cfd-2"], "cpu")[0].draw(noise, 2).images
        (images,) = session.run(None, {"noise": noise.numpy()})
        torch.testing.assert_close(torch.from_numpy(images), wanted, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_onnx_draws_the_classes_it_is_asked_for(conditional_run: RunFolder, tmp_path: Path) -> None:
    import onnxruntime

    how = Sampler(name="reference")
    export_model(conditional_run.path, "teacher", "onnx", tmp_path / "m.onnx", steps=1, sampler=how)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    noise, labels = starting_noise(3, 0, 2, (1, 8, 8)), torch.tensor([4, 9])
    wanted = open_models(conditional_run.path, None, "cpu")[0].draw(noise, 1, sampler=how, labels=labels).images
    (images,) = session.run(["images"], {"noise": noise.numpy(), "labels": labels.numpy()})
    torch.testing.assert_close(torch.from_numpy(images), wanted, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_a_graph_that_draws_other_images_is_not_written(
    trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exporting.run_onnx
    monkeypatch.setattr(exporting, "run_onnx", lambda *arguments: run(*arguments) + 0.01)
    with pytest.raises(CfdError, match=r"differ by 0\.01\); nothing was written"):
        export_model(trained_run.path, "cfd-2", "onnx", tmp_path / "m.onnx", steps=1)
    assert not (tmp_path / "m.onnx").exists()
