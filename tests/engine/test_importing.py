"""A run made of a checkpoint of the published CFD code samples, is shown and is judged like any other."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cfd_studio.cli.app import run_command_line
from cfd_studio.engine import importing
from cfd_studio.engine.importing import import_checkpoint
from cfd_studio.engine.loading import load_network
from cfd_studio.engine.models import open_models
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobEnded, JobState
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs import atomic
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lineage import fill_sources
from cfd_studio.runs.mirror import RunMirror

REFERENCE = Path(__file__).parents[1] / "interop" / "reference"
CHECKPOINT = REFERENCE / "ckpt.pt"
Train = Callable[[RunFolder], JobEnded]


def call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], lambda **_: 0)


@pytest.fixture(scope="module")
def _imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported") / "run"
    import_checkpoint(CHECKPOINT, folder)
    return folder


@pytest.fixture
def imported(_imported: Path, tmp_path: Path) -> Path:
    shutil.copytree(_imported, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def grey_checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a checkpoint of a network for images like the digits, with random weights."""
    from cfd_studio.interop.reference_unet import RATE, TABLE, their_names
    from cfd_studio.networks.blocks import level_waves
    from cfd_studio.networks.unet import UNet

    def write(classes: int = 0, side: int = 8, **entries: Any) -> Path:
        network = UNet(
            1, channels=32, multipliers=(1,), attention_levels=(), residual_blocks=1, norm_groups=32, classes=classes
        )
        state = network.state_dict()
        theirs = {TABLE: level_waves(torch.arange(17), state.pop(RATE))}
        for name, tensor in state.items():
            theirs |= dict(zip(their_names(name), tensor.chunk(len(their_names(name))), strict=True))
        path = tmp_path / "grey.pt"
        torch.save({"ema_model": theirs, "T": 8, "time_scale": 2, "x_T": torch.zeros(1, 1, side, side)} | entries, path)
        return path

    return write


@pytest.mark.parametrize("steps", [16, 4])
def test_an_imported_run_draws_what_the_published_code_draws(steps: int, imported: Path) -> None:
    (model,) = open_models(imported, None, "cpu")
    with np.load(REFERENCE / "expected.npz", allow_pickle=False) as arrays:
        noise, labels, wanted = (torch.from_numpy(arrays[name]) for name in ("x_T", "labels", f"ddim_{steps}_steps"))
    drawn = model.draw(noise, steps, labels=labels).images.clamp(-1, 1)
    torch.testing.assert_close(drawn, wanted, atol=1e-4, rtol=0)


def test_the_command_line_draws_what_the_published_code_draws(imported: Path, tmp_path: Path) -> None:
    with np.load(REFERENCE / "expected.npz", allow_pickle=False) as arrays:
        expected = dict(arrays)
    labels = ",".join(map(str, expected["labels"]))
    np.save(tmp_path / "noise.npy", expected["x_T"])
    assert call(
        "sample", imported, "--steps", "16,4", "--reference-sampler", "--noise", tmp_path / "noise.npy",
        "--labels", labels, "--out", tmp_path / "x.npz", "--device", "cpu",
    ) == 0  # fmt: skip
    with np.load(tmp_path / "x.npz", allow_pickle=False) as drawn:
        for steps in (16, 4):
            np.testing.assert_allclose(drawn[f"x_{steps}"], expected[f"ddim_{steps}_steps"], atol=1e-4, rtol=0)


def test_an_import_says_what_it_found_and_keeps_where_it_came_from(tmp_path: Path, capsys: Any) -> None:
    run = RunFolder(tmp_path / "run")
    assert call("import", CHECKPOINT, "--run", run.path, "--name", "The published one") == 0
    said = capsys.readouterr().out
    for found in ("net_model (the file has no ema_model)", "32 channels x (1, 2)", "7 classes", "3x16x16", "703,523"):
        assert found in said
    assert "16 steps on a base grid of 64 levels; predicts x" in said
    config, digest = run.config(), hashlib.sha256(CHECKPOINT.read_bytes()).hexdigest()
    assert config.name == "The published one"
    assert (config.schedule.num_timesteps, config.schedule.clean_end) == (64, False)
    source = config.stage("teacher").source
    assert (source.file, source.sha256, source.which) == ("ckpt.pt", digest, "net_model")
    origin = json.loads((run.path / "imports" / "teacher.json").read_bytes())
    assert origin == {
        "stage": "teacher",
        "origin": str(CHECKPOINT),
        "bytes": CHECKPOINT.stat().st_size,
        "sha256": digest,
        "entry": "net_model",
    }


def test_an_imported_run_is_shown_as_one_that_is_trained(imported: Path, capsys: Any) -> None:
    summary = summarize(imported)
    assert (summary.state, summary.stages_done, summary.stages) == ("finished", 1, 1)
    assert "a U-Net with 703,523 parameters" in summary.sentence
    mirror = RunMirror(RunFolder(imported))
    mirror.refresh()
    assert mirror.stages["teacher"].state == "trained"
    assert call("status", imported) == 0
    assert "trained" in capsys.readouterr().out


def test_an_imported_run_can_be_sampled_and_compared(imported: Path, tmp_path: Path) -> None:
    arguments = ("--count", "2", "--device", "cpu")
    assert call("sample", imported, "--steps", "16,4", "--out", tmp_path / "x.npz", *arguments) == 0
    assert call("compare", imported, "--steps", "2,1", "--out", tmp_path / "x.png", *arguments) == 0
    with np.load(tmp_path / "x.npz") as arrays:
        assert arrays["x_16"].shape == (2, 3, 16, 16)
    assert call("sample", imported, "--steps", "17", "--out", tmp_path / "y.npz", *arguments) == 2


@pytest.mark.slow
def test_an_imported_run_with_images_is_judged_by_a_job(
    grey_checkpoint: Callable[..., Path], tmp_path: Path, train: Train
) -> None:
    sentence = import_checkpoint(grey_checkpoint(), tmp_path / "run", data="digits")
    assert "from ema_model;" in sentence
    run = RunFolder(tmp_path / "run")
    before = run.weights("teacher").read_bytes()
    ended = train(run)
    assert ended.state is JobState.FINISHED, ended.details or ended.sentence
    quality = run.quality("teacher")
    assert quality is not None
    assert [judged.sampling_steps for judged in quality.judgements] == [8, 4, 2, 1]
    assert run.weights("teacher").read_bytes() == before


def test_a_model_is_taken_for_what_it_is_said_to_predict(imported: Path, tmp_path: Path) -> None:
    import_checkpoint(CHECKPOINT, tmp_path / "v", prediction="v")
    noise = torch.zeros(1, 3, 16, 16)
    as_x, as_v = (open_models(run, None, "cpu")[0].draw(noise, 1).images for run in (imported, tmp_path / "v"))
    assert not torch.equal(as_x, as_v)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 32}, "for images of 16, not 32"),
        ({"data": "cifar10"}, "knows 7 classes, and CIFAR-10 have 10"),
        ({"data": "digits"}, "7 classes"),
        ({"prediction": "score"}, "prediction"),
    ],
)
def test_what_contradicts_the_file_is_refused_and_nothing_is_left(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(CfdError, match=words):
        import_checkpoint(CHECKPOINT, tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_odd_size_of_image_is_refused_with_its_field(grey_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(CfdError, match=r"data\.image_size"):
        import_checkpoint(grey_checkpoint(side=4), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_taken_is_refused_before_the_file_is_read(imported: Path, tmp_path: Path) -> None:
    before = sorted(imported.rglob("*"))
    with pytest.raises(CfdError, match="holds a run already"):
        import_checkpoint(tmp_path / "absent.pt", imported)
    assert sorted(imported.rglob("*")) == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("dear")
    with pytest.raises(CfdError, match="is not empty"):
        import_checkpoint(CHECKPOINT, tmp_path / "full")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    import_checkpoint(CHECKPOINT, tmp_path / "run")
    assert RunFolder.open(tmp_path / "run").weights("teacher").exists()


@pytest.mark.parametrize("failing", ["save_weights", "_keep_origin", "_say"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_import_that_fails_leaves_nothing(
    failing: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(importing, failing, fail)
    with pytest.raises((CfdError, KeyboardInterrupt)):
        import_checkpoint(CHECKPOINT, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_there_only_once_everything_is_in_it(tmp_path: Path) -> None:
    with atomic.new_folder(tmp_path / "a" / "b") as folder:
        (folder / "c").write_text("d")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").rglob("*")] == ["b", "c"]


def test_a_resnet_of_the_published_code_becomes_a_classifier_stage(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    from cfd_studio.networks.classifiers import Classified
    from cfd_studio.protocol.stages import ClassifierStage

    theirs = resnet18(num_classes=10)
    theirs.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.maxpool = torch.nn.Identity()
    for buffer in theirs.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    torch.save({"model": theirs.state_dict()}, tmp_path / "classifier.pt")
    sentence = import_checkpoint(tmp_path / "classifier.pt", tmp_path / "run", data="cifar10")
    assert "a resnet18 with 11,173,962 parameters, 10 classes, images of 3x32x32" in sentence
    run = RunFolder(tmp_path / "run")
    config = run.config()
    (stage,) = config.stages
    assert isinstance(stage, ClassifierStage)
    assert (stage.architecture, stage.normalization, stage.stem) == ("resnet18", "cifar10-reference", "small")
    assert stage.knows("cifar10")
    ours = load_network(run, config, "classifier", "cpu")
    ours.input = torch.nn.Identity()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        told: Classified = ours(images)
        torch.testing.assert_close(told.logits, theirs.eval()(images), atol=1e-4, rtol=1e-4)


def test_an_import_draws_no_random_number_while_a_job_trains_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process-wide generator given back later is no help to a thread that draws from it meanwhile.
    def drawn(*_: Any, **__: Any) -> Any:
        raise AssertionError("the process-wide generator was touched")

    monkeypatch.setattr(torch.random, "fork_rng", drawn)
    monkeypatch.setattr(torch, "manual_seed", drawn)
    state = torch.get_rng_state()
    import_checkpoint(CHECKPOINT, tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), state)


def test_a_classifier_needs_a_size_of_image_and_fits_its_architecture(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=10)
    state = theirs.state_dict() | {"conv1.weight": torch.zeros(64, 3, 3, 3)}
    torch.save({"model": state}, tmp_path / "classifier.pt")
    with pytest.raises(CfdError, match="does not say how large its images are"):
        import_checkpoint(tmp_path / "classifier.pt", tmp_path / "run")
    torch.save({"model": state | {"layer2.0.conv9.weight": torch.zeros(1)}}, tmp_path / "classifier.pt")
    with pytest.raises(CfdError, match=r"unknown layer2\.0\.conv9\.weight"):
        import_checkpoint(tmp_path / "classifier.pt", tmp_path / "run", image_size=32)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--data-set", "imagenet"), ("--prediction", "score"), ("--image-size", "7")]
)
def test_the_command_line_refuses_unknown_words(option: str, value: str, tmp_path: Path) -> None:
    assert call("import", CHECKPOINT, "--run", tmp_path / "run", option, value) == 2
    assert not (tmp_path / "run").exists()


def test_a_config_names_an_imported_checkpoint_and_survives_the_disk(imported: Path) -> None:
    config = RunFolder(imported).config()
    assert resolve(json.loads(config.model_dump_json())) == config


@pytest.mark.slow
def test_an_imported_teacher_is_distilled_on_its_own_schedule(
    grey_checkpoint: Callable[..., Path], tmp_path: Path, mini_recipe: dict[str, Any], train: Train
) -> None:
    import_checkpoint(grey_checkpoint(), tmp_path / "theirs")
    source = {"kind": "run", "path": str(tmp_path / "theirs"), "stage": "teacher"}
    student = mini_recipe["stages"][3] | {"sampling_steps": [4]}
    recipe = mini_recipe | {"stages": [{"kind": "teacher", "id": "teacher", "source": source}, student]}
    recipe["evaluation"] = {"samples": 16, "sampling_steps": []}
    config = resolve(fill_sources(recipe))
    assert (config.schedule.num_timesteps, config.schedule.clean_end, config.prediction) == (16, False, "x")
    run = RunFolder.create(tmp_path / "ours", config)
    ended = train(run)
    assert ended.state is JobState.FINISHED, ended.details or ended.sentence
    theirs, ours = (open_models(one, ["teacher"], "cpu")[0] for one in (tmp_path / "theirs", run.path))
    noise = torch.zeros(1, 1, 8, 8)
    assert torch.equal(theirs.draw(noise, 8).images, ours.draw(noise, 8).images)
    assert open_models(run.path, ["pd-4"], "cpu")[0].own_steps == 4


def test_a_checkpoint_is_no_source_of_a_recipe(imported: Path) -> None:
    raw = json.loads((imported / "config.json").read_bytes())
    with pytest.raises(CfdError, match="becomes a run first"):
        fill_sources(raw)


def test_weights_of_an_import_that_are_gone_are_told(imported: Path, train: Train) -> None:
    RunFolder(imported).weights("teacher").unlink()
    config = json.loads((imported / "config.json").read_bytes())
    config["data"] |= {"name": "digits", "image_size": None, "channels": None}
    (imported / "config.json").write_text(json.dumps(config))
    ended = train(RunFolder(imported))
    assert ended.sentence == (
        "stage 'teacher': the weights of an imported checkpoint are gone. Import ckpt.pt again, into a new run."
    )


def test_what_has_no_images_is_not_judged_and_says_so_before_anything_is_drawn(
    imported: Path, tmp_path: Path, capsys: Any, train: Train
) -> None:
    assert call("evaluate", imported, "--samples", "16") == 2
    said = capsys.readouterr().err
    assert "there are too few real images to compare with. Import the checkpoint with --data-set." in said
    ended = train(RunFolder(imported))
    assert ended.state is JobState.FINISHED, ended.details or ended.sentence
    quality = RunFolder(imported).quality("teacher")
    assert quality is not None
    assert quality.judgements == ()


def test_a_model_is_not_judged_on_classes_that_it_does_not_have(
    grey_checkpoint: Callable[..., Path], tmp_path: Path, capsys: Any
) -> None:
    assert call("import", grey_checkpoint(classes=7), "--run", tmp_path / "run", "--data-set", "arrays",
                "--image-size", "8") == 0  # fmt: skip
    np.savez(tmp_path / "ten.npz", images=np.zeros((200, 8, 8), np.uint8), labels=np.arange(200) % 10)
    assert call("evaluate", tmp_path / "run", "--data", tmp_path / "ten.npz", "--samples", "16", "--steps", "1") == 2
    assert "model 'teacher' knows 7 classes, and the images have 10" in capsys.readouterr().err
