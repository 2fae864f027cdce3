"""Edits of a recipe, what differs from where it began, and the command for it; no widget takes part."""

import copy
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.gui.models.draft import Draft, Origin
from cfd_studio.gui.models.outline import outline
from cfd_studio.gui.models.train_command import exact_settings, train_command
from cfd_studio.gui.models.tree_edits import (
    duplicated,
    hanging_on,
    removed,
    with_classifier,
    with_student,
    with_teacher,
)
from cfd_studio.protocol.assignments import parse_assignment, write_assignment
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.contraction import contracted
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.plan import resolve
from cfd_studio.workspace.resources import presets

RECIPES = {name: json.loads(path.read_bytes()) for name, path in presets().items()}


@pytest.fixture
def draft() -> Draft:
    return Draft(Origin("digits", copy.deepcopy(RECIPES["digits"]), "digits"))


def _ids(recipe: dict[str, Any]) -> list[str]:
    return [stage["id"] for stage in recipe["stages"]]


def test_pd_and_cfd_branch_from_the_same_student_and_the_whole_resolves() -> None:
    recipe = RECIPES["digits"]
    for objective in ("progressive", "feature"):
        recipe = with_student(recipe, "pd-8", 8, objective, chain=True).recipe
    recipe = with_student(recipe, "teacher", 32, "feature", chain=False).recipe
    recipe = with_teacher(with_classifier(recipe).recipe).recipe
    config = resolve(recipe)
    assert [(one.parent, config.own_steps(one)) for one in config.diffusion_stages() if one.parent == "pd-8"] == [
        ("pd-8", 4), ("pd-8", 4), ("pd-8", 4), ("pd-8", 4),
    ]  # fmt: skip
    assert {"pd2-4", "pd2-1", "cfd2-4", "cfd3", "classifier2", "teacher2"} <= {stage.id for stage in config.stages}
    assert config.stage("cfd2-2").optimization == config.stage("cfd-2").optimization
    assert config.stage("cfd3").classifier == "classifier"


def test_what_hangs_on_a_stage_goes_with_it_and_nothing_else() -> None:
    recipe = RECIPES["digits-study"]
    ids = _ids(recipe)
    assert [ids[one] for one in hanging_on(recipe, ids.index("pd"))] == ids[ids.index("pd") + 1 :]
    assert [ids[one] for one in hanging_on(recipe, ids.index("cfd"))] == []
    without = removed(recipe, ids.index("classifier")).recipe
    assert _ids(without) == ["judge", "teacher", "pd"]
    resolve(without)
    unjudged = removed(recipe, ids.index("judge")).recipe
    assert unjudged["evaluation"]["judge"] is None
    assert _ids(unjudged) == ids[1:]
    resolve(unjudged)


def test_a_branch_is_copied_whole_under_names_of_its_own() -> None:
    recipe = RECIPES["digits"]
    edit = duplicated(recipe, 3)
    assert _ids(edit.recipe)[5:] == ["pd2", "cfd2"]
    assert edit.recipe["stages"][6]["parent"] == "pd2-8"
    assert edit.came_from == (0, 1, 2, 3, 4, None, None)
    assert len(resolve(edit.recipe).stages) == 2 * 8 + 3
    assert _ids(duplicated(recipe, 1).recipe)[:3] == ["judge", "classifier", "classifier2"]


def test_a_stage_is_renamed_wherever_it_is_named(draft: Draft) -> None:
    for typed in ("p", "pr", "prog"):  # letter by letter
        draft.edit("stages.3.id", typed)
    draft.edit("stages.0.id", "eye")
    draft.edit("stages.1.id", "features")
    config = resolve(draft.recipe)
    assert config.stage("cfd-4").parent == "prog-8"
    assert config.stage("cfd-4").classifier == "features"
    assert config.evaluation.judge == "eye"
    draft.undo()
    draft.undo()
    draft.undo()  # letters of one field are one step
    assert draft.recipe == RECIPES["digits"]
    assert not draft.can_undo


def test_every_step_can_be_undone_and_redone(draft: Draft) -> None:
    states = [draft.recipe]
    draft.edit("seed", 1)
    states.append(draft.recipe)
    draft.edit("stages.2.optimization.steps", "many")
    states.append(draft.recipe)
    draft.edit_tree(removed(draft.recipe, 4))
    states.append(draft.recipe)
    draft.begin(Origin("study", RECIPES["digits-study"], "digits-study"))
    states.append(draft.recipe)
    for state in reversed(states[:-1]):
        draft.undo()
        assert draft.recipe == state
    for state in states[1:]:
        draft.redo()
        assert draft.recipe == state
    assert draft.origin.name == "study"
    assert not draft.can_redo


def test_differences_name_fields_stages_that_came_and_stages_that_went(draft: Draft) -> None:
    assert draft.differences() == []
    draft.edit("journal.log_every", 20)  # the default, written down
    assert draft.differences() == []
    draft.edit_tree(removed(draft.recipe, 0))
    draft.edit("stages.1.optimization.steps", 50)
    draft.edit_tree(with_classifier(draft.recipe))
    said = {(one.words, one.theirs, one.ours) for one in draft.differences()}
    assert said == {
        ("stages.teacher.optimization.steps", "3000", "50"),
        ("stages.classifier2", "", "added"),
        ("stages.judge", "there", "removed"),
        ("evaluation.judge", "judge", ""),
    }
    first = draft.first("stages.2.optimization.steps")
    assert first is not None
    draft.edit("stages.2.optimization.steps", first.given)
    assert not any("teacher" in one.words for one in draft.differences())


def test_students_stand_below_the_stage_that_teaches_them_whatever_their_order() -> None:
    recipe = copy.deepcopy(RECIPES["digits"])
    recipe["stages"].reverse()
    listed = [(item.title, len(item.rails)) for item in outline(recipe)]
    assert [depth for title, depth in listed if title.startswith(("pd", "cfd"))] == [1, 2]
    recipe["stages"][0]["parent"], recipe["stages"][1]["parent"] = "pd-8", "cfd-4"  # a circle
    assert sorted(item.index for item in outline(recipe)) == [0, 1, 2, 3, 4]


def test_the_recipe_of_a_run_is_as_short_as_the_one_that_it_was_made_of() -> None:
    for name, recipe in RECIPES.items():
        config = resolve(recipe)
        raw = contracted(config.model_dump(mode="json"))
        assert resolve(raw) == config, name
        if not any(stage.get("overrides") for stage in recipe["stages"]):
            assert len(raw["stages"]) == len(recipe["stages"]), name


def _read_by_the_command_line(line: str, monkeypatch: pytest.MonkeyPatch) -> tuple[RunConfig, ExecutionRequest, Path]:
    """Run the real command up to where it would make the folder."""
    from cfd_studio.cli import train
    from cfd_studio.cli.parser import app
    from cfd_studio.engine import data_checks, execution
    from cfd_studio.runs.folder import RunFolder

    seen: list[Any] = []

    def work(path: Path, create: Any, request: ExecutionRequest) -> int:
        monkeypatch.setattr(RunFolder, "create", classmethod(lambda _cls, _path, config: seen.append(config)))
        create(path)
        seen.extend([request, path])
        return 0

    monkeypatch.setattr(train, "work", work)
    monkeypatch.setattr(execution, "choose_device", lambda *_: "cpu")
    monkeypatch.setattr(data_checks, "check_place", lambda *_: None)
    program, *arguments = shlex.split(line)
    assert program == "cfd-studio"
    app(arguments, standalone_mode=False)
    config, request, path = seen
    return config, request, path


def test_the_copied_command_starts_the_very_same_run(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    draft.edit("name", 'It\'s 5 = "five" $HOME')
    draft.edit("seed", 7)
    draft.edit("network.attention_levels", [0, 1])
    draft.edit("stages.2.optimization.ema_decay", None)
    draft.edit("stages.3.overrides", {"2": {"optimization": {"steps": 9}}})
    draft.edit("stages.3.id", "halves")
    draft.edit("journal.tensorboard", True)
    settings = exact_settings(draft)
    assert settings is not None
    request = ExecutionRequest(
        device="cuda:1",
        threads=2,
        processes=3,
        accumulation=4,
        precision="bfloat16",
        fast="off, compilation=default",
        data_folder="/my images/ä",
        inception_file="/w.pth",
    )
    assert request.model_fields_set == set(ExecutionRequest.model_fields) - {"worker"}
    line = train_command("digits", settings, Path("/runs/a folder"), request)
    read = _read_by_the_command_line(line, monkeypatch)
    assert read == (resolve(draft.recipe), request, Path("/runs/a folder"))


def test_a_tree_of_another_shape_has_no_settings_that_make_it(draft: Draft) -> None:
    draft.edit_tree(removed(draft.recipe, 4))
    assert exact_settings(draft) is None
    assert exact_settings(Draft(Origin("a run", RECIPES["digits"]))) is None


def test_a_value_comes_back_from_its_word_on_the_command_line() -> None:
    for value in ("5", "true", "null", "a b", "", '{"a": 1}', "ä=b", 5, 0.1, True, None, [1, 2], {"2": {"a": 1}}):
        path, read = parse_assignment(write_assignment("path.to.it", value))
        assert (path, read, type(read)) == ("path.to.it", value, type(value))
