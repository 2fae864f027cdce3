"""What a run takes from another: a copy with its hash, and everything that shapes the network."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError, ConfigError
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.sources import ImageNetSource, RunSource
from cfd_studio.protocol.stages import ClassifierStage, TeacherStage
from cfd_studio.runs import imports
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lineage import fill_sources, import_teacher

WEIGHTS = b"weights of a teacher"


@pytest.fixture
def other(mini_run: Callable[..., RunFolder]) -> RunFolder:
    """Return another run, whose teacher and classifiers look trained."""
    run = mini_run("other", schedule={"num_timesteps": 16}, stages=_stages(16))
    for stage in ("judge", "classifier", "teacher", "pd-8"):
        run.stage(stage).mkdir()
        run.weights(stage).write_bytes(WEIGHTS)
    return run


def _stages(steps: int) -> list[dict[str, Any]]:
    how = {"steps": 2, "batch_size": 4, "learning_rate": 0.1}
    return [
        {"kind": "classifier", "id": "judge", "architecture": "mlp", "width": 8, "optimization": how},
        {"kind": "classifier", "id": "classifier", "architecture": "cnn", "width": 12, "optimization": how},
        {"kind": "teacher", "id": "teacher", "optimization": how},
        {"kind": "progressive", "id": f"pd-{steps // 2}", "parent": "teacher", "sampling_steps": steps // 2,
         "optimization": how},
    ]  # fmt: skip


def _recipe(mini_recipe: dict[str, Any], other: RunFolder, stage: str = "teacher", **data: object) -> dict[str, Any]:
    source = {"kind": "run", "path": str(other.path), "stage": stage}
    raw = mini_recipe | {"stages": [{"kind": "teacher", "id": "teacher", "source": source}]}
    raw["evaluation"] = raw["evaluation"] | {"judge": None}
    return raw | ({"data": data} if data else {})


def _filled(raw: dict[str, Any]) -> RunConfig:
    return resolve(fill_sources(raw))


def _problems(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        _filled(raw)
    return "\n".join(map(str, caught.value.problems))


def test_a_teacher_brings_its_schedule_its_network_and_its_steps(mini_recipe: dict[str, Any], other: RunFolder) -> None:
    for name in ("schedule", "network", "prediction"):
        del mini_recipe[name]
    theirs = other.config()
    for stage, steps in (("teacher", 16), ("pd-8", 8)):
        config = _filled(_recipe(mini_recipe, other, stage))
        assert config.schedule == theirs.schedule
        assert config.network == theirs.network
        teacher = config.stage("teacher")
        assert isinstance(teacher, TeacherStage)
        assert config.own_steps(teacher) == steps


def test_halvings_that_do_not_fit_the_imported_steps_are_told_which_do(
    mini_recipe: dict[str, Any], other: RunFolder
) -> None:
    raw = import_teacher(mini_recipe, str(other.path))
    assert "4 is not half of the 16 steps of its teacher 'teacher'; use 8" in _problems(raw)
    config = _filled(import_teacher(mini_recipe, f"{other.path}:pd-8"))
    assert config.own_steps(config.diffusion_stages()[0]) == 8


def test_a_recipe_without_sources_is_left_alone(mini_recipe: dict[str, Any]) -> None:
    assert fill_sources(mini_recipe) is mini_recipe
    for nonsense in (None, [], {"stages": 3}, {"stages": [3, {"source": "x"}]}):
        assert fill_sources(nonsense) is nonsense


def test_a_run_without_images_of_its_own_has_the_size_of_its_teachers(
    mini_recipe: dict[str, Any], other: RunFolder
) -> None:
    config = _filled(_recipe(mini_recipe, other, name="none"))
    assert (config.data.side, config.data.depth) == (8, 1)
    said = _problems(_recipe(mini_recipe, other, name="cifar10", image_size=32))
    assert "data.image_size: 'teacher' was made for grey images of 8x8" in said


def test_a_classifier_brings_its_architecture_and_what_it_is_fed(mini_recipe: dict[str, Any], other: RunFolder) -> None:
    source = {"kind": "run", "path": str(other.path), "stage": "classifier"}
    stage = {"kind": "classifier", "id": "eyes", "architecture": "resnet18", "source": source}
    raw = _recipe(mini_recipe, other) | {"data": {"name": "mnist"}, "stages": [stage]}
    made = _filled(raw).stage("eyes")
    assert isinstance(made, ClassifierStage)
    assert (made.architecture, made.width, made.input_size, made.classes_of) == ("cnn", 12, 8, "digits")
    assert not made.knows("mnist")
    assert made.knows("digits")
    assert "takes grey images" in _problems(raw | {"data": {"name": "cifar10"}})
    source["stage"] = "judge"
    assert "takes images of 8x8 only" in _problems(raw)


def test_weights_for_imagenet_bring_their_stem_and_their_normalisation(mini_recipe: dict[str, Any]) -> None:
    stage = {"kind": "classifier", "id": "eyes", "architecture": "densenet201", "source": {"kind": "imagenet"}}
    mini_recipe["evaluation"]["judge"] = None
    made = _filled(mini_recipe | {"stages": [stage]}).stage("eyes")
    assert isinstance(made, ClassifierStage)
    assert (made.stem, made.normalization, made.input_size) == ("imagenet", "imagenet", 224)
    assert "normalization" in _problems(mini_recipe | {"stages": [stage | {"normalization": "data-set"}]})
    assert "29 pixels" in _problems(mini_recipe | {"stages": [stage | {"input_size": 16}]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"path": "/nowhere"}, "source.path: /nowhere: there is no such folder"),
        ({"stage": "judge"}, "source.stage: the run has no diffusion model 'judge'; it has teacher, pd-8"),
        ({"stage": "../../x"}, "source.stage: the run has no diffusion model '../../x'"),
        ({"stage": 3}, "source.stage: "),
    ],
)
def test_a_source_that_is_not_there_is_said_beside_its_field(
    mini_recipe: dict[str, Any], other: RunFolder, change: dict[str, Any], words: str
) -> None:
    raw = _recipe(mini_recipe, other)
    raw["stages"][0]["source"] |= change
    assert words in _problems(raw)


def test_an_untrained_stage_is_no_source(mini_recipe: dict[str, Any], other: RunFolder) -> None:
    other.weights("teacher").unlink()
    assert "'teacher' is not trained yet" in _problems(_recipe(mini_recipe, other))


def test_two_imported_teachers_share_one_network(
    mini_recipe: dict[str, Any], other: RunFolder, mini_run: Callable[..., RunFolder]
) -> None:
    third = mini_run("third", network=mini_recipe["network"] | {"channels": 12}, stages=_stages(8))
    third.stage("teacher").mkdir()
    third.weights("teacher").write_bytes(WEIGHTS)
    raw = _recipe(mini_recipe, other)
    raw["stages"].append(json.loads(json.dumps(raw["stages"][0] | {"id": "second"})))
    assert len(_filled(raw).stages) == 2
    raw["stages"][1]["source"]["path"] = str(third.path)
    assert "another network" in _problems(raw)


def test_a_new_run_holds_a_copy_with_its_hash_and_its_origin(
    mini_recipe: dict[str, Any], other: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder.create(tmp_path / "new", _filled(_recipe(mini_recipe, other)))
    copy = run.path / "imports" / "teacher.safetensors"
    assert copy.read_bytes() == WEIGHTS
    note = json.loads((run.path / "imports" / "teacher.json").read_bytes())
    assert note["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert note["origin"] == str(other.weights("teacher"))
    other.weights("teacher").unlink()
    stage = run.config().stage("teacher")
    assert isinstance(stage, TeacherStage)
    assert stage.source is not None
    assert stage.source.sha256 == note["sha256"]
    assert imports.check_import(run.path, stage) == copy
    copy.write_bytes(WEIGHTS[:-1] + b"!")
    with pytest.raises(CfdError, match="not the ones that were copied"):
        imports.check_import(run.path, stage)
    copy.unlink()
    copy.symlink_to(run.path / "config.json")
    with pytest.raises(CfdError, match="it is a link"):
        imports.check_import(run.path, stage)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_copy_that_is_broken_off_leaves_room_for_the_next_attempt(
    mini_recipe: dict[str, Any],
    other: RunFolder,
    tmp_path: Path,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: object) -> None:
        raise error

    config = _filled(_recipe(mini_recipe, other))
    with monkeypatch.context() as patch:
        patch.setattr(imports, "_chunks", broken)
        with pytest.raises(error):
            RunFolder.create(tmp_path / "new", config)
    assert not any((tmp_path / "new").iterdir())
    RunFolder.create(tmp_path / "new", config)


@pytest.mark.parametrize("how", ["gone", "link", "linked stage", "huge", "other"])
def test_a_run_whose_weights_cannot_be_taken_is_not_made(
    mini_recipe: dict[str, Any], other: RunFolder, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = _recipe(mini_recipe, other)
    if how == "other":
        raw["stages"][0]["source"]["sha256"] = 64 * "a"
    config = _filled(raw)
    weights = other.weights("teacher")
    match how:
        case "gone":
            weights.unlink()
        case "link":
            weights.rename(tmp_path / "elsewhere")
            weights.symlink_to(tmp_path / "elsewhere")
        case "linked stage":
            weights.parent.rename(tmp_path / "elsewhere")
            weights.parent.symlink_to(tmp_path / "elsewhere")
        case "huge":
            monkeypatch.setattr(imports, "memory_of_this_machine", lambda: 10)
    with pytest.raises(CfdError, match=r"cannot be read|is a link|by their SHA-256"):
        RunFolder.create(tmp_path / "new", config)
    assert not any((tmp_path / "new").iterdir())
    if how == "other":  # nothing stands in the way of the next attempt
        RunFolder.create(tmp_path / "new", _filled(_recipe(mini_recipe, other)))


def test_a_source_that_was_never_looked_up_cannot_leave_its_run(
    mini_recipe: dict[str, Any], other: RunFolder, tmp_path: Path
) -> None:
    config = _filled(_recipe(mini_recipe, other))
    stage = config.stages[0].model_copy(update={"source": RunSource(path=str(other.path), stage="../../../etc")})
    with pytest.raises(CfdError, match="id of no stage"):
        RunFolder.create(tmp_path / "new", config.model_copy(update={"stages": (stage,)}))


def test_a_persons_own_file_may_be_reached_through_a_link_but_must_be_a_file_of_weights(
    mini_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mini_recipe["evaluation"]["judge"] = None
    (tmp_path / "real.bin").write_bytes(WEIGHTS)
    (tmp_path / "resnet18.pth").symlink_to(tmp_path / "real.bin")
    stage: dict[str, Any] = {"kind": "classifier", "id": "eyes", "architecture": "resnet18"}
    stage["source"] = {"kind": "imagenet", "file": "resnet18.pth"}
    run = RunFolder.create(tmp_path / "new", _filled(mini_recipe | {"stages": [stage]}))
    assert (run.path / "imports" / "eyes.pth").read_bytes() == WEIGHTS
    source = run.config().stage("eyes").source  # type: ignore[union-attr]
    assert isinstance(source, ImageNetSource)
    assert source.file == str(tmp_path / "resnet18.pth")
    stage["source"] = {"kind": "imagenet", "file": str(tmp_path / "real.bin")}
    with pytest.raises(CfdError, match="no file of weights by its name"):
        RunFolder.create(tmp_path / "other", _filled(mini_recipe | {"stages": [stage]}))


def test_a_recipe_without_one_teacher_has_none_to_replace(mini_recipe: dict[str, Any], other: RunFolder) -> None:
    with pytest.raises(CfdError, match="0 teachers"):
        import_teacher(mini_recipe | {"stages": mini_recipe["stages"][:1]}, str(other.path))
    with pytest.raises(CfdError, match="no such folder"):
        import_teacher(mini_recipe, "/nowhere")
