"""Stages whose weights come from elsewhere: the same to the bit, and refused where they do not fit."""

import hashlib
import io
import pickle
import pickletools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cfd_studio.data.digits import load_digits
from cfd_studio.data.images import to_float
from cfd_studio.engine import fetching
from cfd_studio.engine.classifiers import build_classifier
from cfd_studio.engine.loading import load_network, load_objective
from cfd_studio.engine.torch_files import read_tensors
from cfd_studio.interop.weights import load_weights, read_metadata, save_weights
from cfd_studio.networks.pretrained import PublishedWeights
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import Event, JobEnded, JobState, Logged, PhaseEntered, StageStarted, StageTrained
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lineage import fill_sources, import_teacher

Train = Callable[[RunFolder], JobEnded]
Made = Callable[..., RunFolder]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return a function that makes a run of a raw recipe with sources."""
    return lambda raw, name="new": RunFolder.create(tmp_path / name, resolve(fill_sources(raw)))


def _borrowed(stage_id: str, other: RunFolder, stage: str, **more: object) -> dict[str, Any]:
    source = {"kind": "run", "path": str(other.path), "stage": stage}
    return {"kind": "classifier", "id": stage_id, "architecture": "cnn", "source": source} | more


def _alone(raw: dict[str, Any], *stages: dict[str, Any]) -> dict[str, Any]:
    return raw | {"stages": list(stages), "evaluation": raw["evaluation"] | {"judge": None}}


def test_students_of_an_imported_teacher_are_those_of_the_run_it_comes_from(
    trained_run: RunFolder,
    mini_recipe: dict[str, Any],
    made: Made,
    train: Train,
    events_of: Callable[[RunFolder], list[Event]],
    fingerprints: Callable[[RunFolder], dict[str, str]],
) -> None:
    raw = import_teacher(mini_recipe, str(trained_run.path))
    raw["stages"][:2] = [_borrowed("judge", trained_run, "judge"), _borrowed("classifier", trained_run, "classifier")]
    run = made(raw)
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run) == fingerprints(trained_run)
    told = events_of(run)
    steps = {event.stage: event.step for event in told if isinstance(event, StageTrained)}
    assert steps == {"judge": 0, "classifier": 0, "teacher": 0, "pd-4": 12, "pd-2": 12, "cfd-2": 12}
    assert [event.total_steps for event in told if isinstance(event, StageStarted)] == [0, 0, 0, 12, 12, 12]
    said = "\n".join(event.text for event in told if isinstance(event, Logged))
    assert f"its weights are those of 'teacher' in {trained_run.path}" in said
    for stage in ("judge", "teacher"):
        mine, theirs = run.quality(stage), trained_run.quality(stage)
        assert mine is not None
        assert theirs is not None
        assert (
            mine.accuracies == {name: theirs.accuracies.get(name, 0) for name in mine.accuracies} or stage == "teacher"
        )
        for one, other in zip(mine.judgements, theirs.judgements, strict=True):
            assert [figure.value for figure in one.figures] == [figure.value for figure in other.figures]
    assert train(run).state is JobState.FINISHED  # there is nothing left to adopt


def test_a_teacher_altered_since_is_not_distilled(
    trained_run: RunFolder, mini_recipe: dict[str, Any], made: Made, train: Train
) -> None:
    raw = import_teacher(_alone(mini_recipe, *mini_recipe["stages"][2:3]), str(trained_run.path))
    run = made(raw)
    copy = run.path / "imports" / "teacher.safetensors"
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert ended.details is None
    assert "imports/teacher.safetensors: the imported weights are not the ones that were copied" in ended.sentence
    assert not run.weights("teacher").exists()


@pytest.mark.parametrize(
    ("shape", "classes", "words"),
    [("1,8,8", 7, "knows 7 classes, and the images of this run have 10"), ("3,8,8", 10, "made for images of 8x8 in 3")],
)
def test_a_network_that_does_not_fit_the_images_is_refused(
    trained_run: RunFolder,
    mini_recipe: dict[str, Any],
    made: Made,
    train: Train,
    shape: str,
    classes: int,
    words: str,
) -> None:
    stage = trained_run.config().stage("judge")
    assert isinstance(stage, ClassifierStage)
    channels, height, width = map(int, shape.split(","))
    network = build_classifier(stage, (channels, height, width), classes)
    save_weights(trained_run.weights("judge"), network, {"image_shape": shape, "classes": str(classes)})
    ended = train(made(_alone(mini_recipe, _borrowed("judge", trained_run, "judge"))))
    assert ended.state is JobState.FAILED
    assert words in ended.sentence


def _imagenet(raw: dict[str, Any], architecture: str, file: Path | None, **more: object) -> dict[str, Any]:
    source = {"kind": "imagenet"} | ({"file": str(file)} if file else {})
    stage = {"kind": "classifier", "id": "eyes", "architecture": architecture, "source": source, "input_size": 32}
    return _alone(raw, stage | more)


@pytest.fixture
def theirs() -> dict[str, Tensor]:
    """Return the state dict of torchvision's own ResNet-18, as an old file has it."""
    from torchvision.models import resnet18

    torch.manual_seed(1)
    state = resnet18().state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("kind", ["old.pth", "new.pth", "plain.safetensors"])
def test_weights_for_imagenet_come_from_a_file_and_see_what_torchvision_would_show_them(
    tmp_path: Path, mini_recipe: dict[str, Any], made: Made, train: Train, theirs: dict[str, Tensor], kind: str
) -> None:
    from torchvision.models import resnet18
    from torchvision.transforms import v2

    file = tmp_path / kind
    if kind == "plain.safetensors":
        save_file(theirs, file)
    else:
        torch.save(theirs, file, _use_new_zipfile_serialization=kind == "new.pth")
    run = made(_imagenet(mini_recipe, "resnet18", file))
    assert train(run).state is JobState.FINISHED
    assert read_metadata(run.weights("eyes"))["classes"] == "1000"
    quality = run.quality("eyes")
    assert quality is not None
    assert not quality.accuracies  # its classes are not those of digits
    network = load_network(run, run.config(), "eyes", "cpu")
    reference = resnet18()
    reference.load_state_dict(theirs)
    images = load_digits().held_out.images[:4]
    shown = v2.Compose(
        [
            v2.Resize((32, 32), antialias=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )(images.repeat(1, 3, 1, 1) / 255)
    with torch.no_grad():
        torch.testing.assert_close(network(to_float(images)).logits, reference.eval()(shown), rtol=1e-3, atol=1e-3)


def test_a_file_of_another_architecture_is_named_by_what_it_lacks_and_what_it_has(
    tmp_path: Path, mini_recipe: dict[str, Any], made: Made, train: Train, theirs: dict[str, Tensor]
) -> None:
    torch.save(theirs, tmp_path / "it.pth")
    ended = train(made(_imagenet(mini_recipe, "resnet34", tmp_path / "it.pth")))
    assert ended.state is JobState.FAILED
    assert "are missing, layer1.2.bn1.bias first" in ended.sentence
    assert "unknown" not in ended.sentence
    ended = train(made(_imagenet(mini_recipe, "densenet121", tmp_path / "it.pth"), "dense"))
    assert "are missing, classifier.bias first" in ended.sentence
    assert "102 are unknown, bn1.bias first" in ended.sentence


def _published(monkeypatch: pytest.MonkeyPatch, source: Path, target: Path, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()[:8]
    published = PublishedWeights(source.as_uri(), target, digest)
    monkeypatch.setattr(fetching, "imagenet_weights", lambda _: published)


def test_without_a_network_the_missing_file_is_named_before_anything_is_trained(
    mini_recipe: dict[str, Any], made: Made, train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(fetching, "download", offline)
    raw = _imagenet(mini_recipe, "resnet18", None)
    run = made(raw | {"stages": [mini_recipe["stages"][0], *raw["stages"]]})
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert ended.details is None
    wanted = next(word for word in ended.sentence.split() if word.startswith("resnet18-"))
    assert "Network is unreachable" in ended.sentence
    assert str(tmp_path / "hub" / "checkpoints" / wanted) in ended.sentence
    assert not run.weights("judge").exists()


def test_weights_for_imagenet_are_fetched_before_anything_is_trained(
    mini_recipe: dict[str, Any],
    made: Made,
    train: Train,
    events_of: Callable[[RunFolder], list[Event]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    theirs: dict[str, Tensor],
) -> None:
    torch.save(theirs, tmp_path / "it.pth")
    _published(monkeypatch, tmp_path / "it.pth", tmp_path / "hub" / "it.pth", (tmp_path / "it.pth").read_bytes())
    raw = _imagenet(mini_recipe, "resnet18", None)
    run = made(raw | {"stages": [mini_recipe["stages"][0], *raw["stages"]]})
    assert train(run).state is JobState.FINISHED
    phases = [(event.phase, event.stage) for event in events_of(run) if isinstance(event, PhaseEntered)]
    assert phases.index(("downloading", "eyes")) < phases.index(("training", "judge"))


def test_published_weights_that_are_others_by_their_sum_are_not_adopted(
    mini_recipe: dict[str, Any],
    made: Made,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    theirs: dict[str, Tensor],
) -> None:
    torch.save(theirs, tmp_path / "it.pth")
    _published(monkeypatch, tmp_path / "it.pth", tmp_path / "hub" / "other.pth", b"what was published")
    run = made(_imagenet(mini_recipe, "resnet18", None))
    assert "is not the published file" in train(run).sentence
    assert not any((tmp_path / "hub").iterdir())
    shutil.copy(tmp_path / "it.pth", tmp_path / "hub" / "other.pth")
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert f"{tmp_path / 'hub' / 'other.pth'} is not the published file" in ended.sentence
    assert not run.weights("eyes").exists()


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo no",)


class _Large:
    def __reduce__(self) -> tuple[object, tuple[int]]:
        return bytearray, (2**40,)  # more than any machine has


def _hostile(name: str, path: Path) -> None:
    match name:
        case "old large" | "old large head":
            torch.save({"fc.weight": torch.zeros(3)}, path, _use_new_zipfile_serialization=False)
            content = io.BytesIO(path.read_bytes())
            for _ in range(3 if name == "old large" else 0):
                list(pickletools.genops(content))
            at, whole = content.tell(), content.getvalue()
            path.write_bytes(whole[:at] + pickle.dumps(_Large(), 2) + whole[at:])
        case "old expanded":
            expanded = torch.zeros(1).expand(10**6, 10**6)
            torch.save({"fc.weight": expanded}, path, _use_new_zipfile_serialization=False)
        case "code":
            torch.save({"fc.weight": _Evil()}, path)
        case "old code":
            torch.save({"fc.weight": _Evil()}, path, _use_new_zipfile_serialization=False)
        case "old giant":
            torch.save({"fc.weight": torch.zeros(300, 3)}, path, _use_new_zipfile_serialization=False)
            data = path.read_bytes()
            count = b"M" + (900).to_bytes(2, "little")  # BININT2, as pickle writes how many numbers there are
            assert data.count(count) == 1
            path.write_bytes(data.replace(count, b"J" + (2**31 - 1).to_bytes(4, "little")))
        case "cut":
            torch.save({"fc.weight": torch.zeros(300, 3)}, path)
            path.write_bytes(path.read_bytes()[:-30])
        case "no tensors":
            torch.save({"fc.weight": "text"}, path)
        case "nothing":
            path.write_bytes(b"")
        case "text":
            path.write_bytes(b"<html>not found</html>")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("code", ""),
        ("old code", "it names"),
        ("old giant", "claims more than it holds"),
        ("old large", "it names __builtin__ bytearray"),
        ("old large head", "it names __builtin__ bytearray"),
        ("old expanded", "its tensors claim more than it holds"),
        ("cut", ""),
        ("no tensors", ""),
        ("nothing", ""),
        ("text", ""),
    ],
)
def test_a_hostile_file_is_one_sentence(name: str, why: str, tmp_path: Path) -> None:
    _hostile(name, tmp_path / "it.pth")
    with pytest.raises(CfdError, match=f"holds no weights that can be read .*{why}"):
        read_tensors(tmp_path / "it.pth")


def test_tensors_that_are_not_finite_are_not_adopted(
    tmp_path: Path, mini_recipe: dict[str, Any], made: Made, train: Train, theirs: dict[str, Tensor]
) -> None:
    theirs["conv1.weight"][0, 0, 0, 0] = torch.nan
    save_file(theirs, tmp_path / "it.safetensors")
    ended = train(made(_imagenet(mini_recipe, "resnet18", tmp_path / "it.safetensors")))
    assert "conv1.weight holds what is no finite number" in ended.sentence


def test_as_the_reference_feeds_the_classifier_images_past_its_normalisation(
    mini_run: Made, mini_recipe: dict[str, Any], train: Train
) -> None:
    mini_recipe["stages"][1]["normalization"] = "data-set"
    mini_recipe["stages"][-1] |= {"parent": "teacher", "sampling_steps": [4], "anchor_weight": 0.0}
    for stage in mini_recipe["stages"]:
        stage["optimization"]["steps"] = 3
    del mini_recipe["stages"][3]
    run = mini_run(stages=mini_recipe["stages"], name="run")
    train(run)
    config = run.config()
    seen: dict[str, list[Tensor]] = {}
    batch = None
    for how in ("matched", "as-reference"):
        stage = config.stage("cfd-4").model_copy(update={"classifier_input": how})
        objective = load_objective(run, config, stage, "cpu")
        if batch is None:
            data = load_digits().train
            batch = objective.draw(to_float(data.images[:8]), data.labels[:8], torch.Generator().manual_seed(0))
        classifier = objective._classifier  # type: ignore[attr-defined]
        seen[how] = []
        classifier.body.register_forward_pre_hook(lambda _, fed, kept=seen[how]: kept.append(fed[0]))
        objective.terms(load_network(run, config, "cfd-4", "cpu"), batch, lambda mean: mean)
    moments, _ = load_weights(run.weights("classifier"))
    for matched, straight in zip(seen["matched"], seen["as-reference"], strict=True):
        expected = ((straight + 1) / 2 - moments["input.mean"]) / moments["input.deviation"]
        torch.testing.assert_close(matched, expected)
        assert (matched - straight).abs().max() > 0.1
