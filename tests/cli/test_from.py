"""``train --from``: a trained model of another run is distilled instead of training one."""

import json
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.runs.folder import RunFolder


def _no_window(**_: Any) -> int:
    raise AssertionError("no command here may open a window")


def _call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], _no_window)


@pytest.fixture
def recipe(tmp_path: Path, mini_recipe: dict[str, Any]) -> Path:
    """Return a recipe that would train a teacher of 8 steps and halve it twice; without judge and classifier."""
    mini_recipe["stages"] = mini_recipe["stages"][2:4]
    mini_recipe["evaluation"]["judge"] = None
    path = tmp_path / "pd.json"
    path.write_text(json.dumps(mini_recipe))
    return path


def test_the_students_are_those_of_the_run_whose_teacher_it_is(
    tmp_path: Path, recipe: Path, trained_run: RunFolder
) -> None:
    new = RunFolder(tmp_path / "new")
    assert _call("train", recipe, "--run", new.path, "--from", trained_run.path, "--threads", "1") == 0
    for stage in ("teacher", "pd-4", "pd-2"):
        assert new.weights(stage).read_bytes() == trained_run.weights(stage).read_bytes()
    assert (new.path / "imports" / "teacher.safetensors").read_bytes() == trained_run.weights("teacher").read_bytes()


def test_a_student_can_be_distilled_further_where_the_halvings_fit(
    tmp_path: Path, recipe: Path, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    arguments = ("train", recipe, "--run", new, "--from", f"{trained_run.path}:pd-2", "--threads", "1")
    assert _call(*arguments) == 2
    assert "4 is not half of the 2 steps of its teacher 'teacher'; use 1" in capsys.readouterr().err
    assert not new.exists()
    assert _call(*arguments, "--set", "stages.pd.sampling_steps=[1]", "--set", "evaluation.samples=16") == 0
    config = RunFolder(new).config()
    assert [config.own_steps(stage) for stage in config.diffusion_stages()] == [2, 1]


def test_a_run_that_is_none_is_one_sentence(tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _call("train", recipe, "--run", tmp_path / "new", "--from", tmp_path / "nothing") == 2
    assert _call("train", recipe, "--run", tmp_path / "new", "--from", f"{tmp_path}:teacher") == 2
    said = capsys.readouterr().err
    assert "there is no such folder" in said
    assert "is no run folder" in said
    assert "Traceback" not in said
