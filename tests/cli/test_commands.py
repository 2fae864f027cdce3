"""The command line, in this process: what it prints, writes and returns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cfd_studio.cli import runs
from cfd_studio.cli.app import run_command_line
from cfd_studio.engine import estimate
from cfd_studio.engine.sheet import GUTTER, HEADER, LABEL, MARGIN
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.report import render_report

Fingerprints = Callable[[RunFolder], dict[str, str]]


def no_window(**_: Any) -> int:
    raise AssertionError("no command here may open a window")


def call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], no_window)


@pytest.fixture
def recipe_file(tmp_path: Path, mini_recipe: dict[str, Any]) -> Path:
    path = tmp_path / "mini.json"
    path.write_text(json.dumps(mini_recipe))
    return path


def test_train_makes_the_run_that_the_engine_makes(
    tmp_path: Path, recipe_file: Path, trained_run: RunFolder, fingerprints: Fingerprints
) -> None:
    assert call("train", recipe_file, "--run", tmp_path / "new", "--threads", "1", "--device", "cpu") == 0
    assert fingerprints(RunFolder(tmp_path / "new")) == fingerprints(trained_run)


def test_set_reaches_a_stage_by_its_id(tmp_path: Path, recipe_file: Path) -> None:
    run = tmp_path / "new"
    code = call(
        "train", recipe_file, "--run", run, "--threads", "1",
        "--set", "stages.teacher.optimization.steps=5", "--set", "stages.cfd.temperature=0.8",
        "--set", "name=Other words",
    )  # fmt: skip
    assert code == 0
    config = RunFolder(run).config()
    assert config.stage("teacher").optimization.steps == 5
    assert config.stage("cfd-2").temperature == 0.8
    assert config.name == "Other words"


def test_sample_npz_holds_what_the_help_says(tmp_path: Path, trained_run: RunFolder) -> None:
    out = tmp_path / "samples.npz"
    assert call("sample", trained_run.path, "--stage", "pd-4", "--steps", "1,2,4", "--count", "5", "--out", out) == 0
    with np.load(out, allow_pickle=False) as arrays:
        assert set(arrays) == {"noise", *(f"{name}_{n}" for name in ("x", "seconds_per_image") for n in (1, 2, 4))}
        for n in (1, 2, 4):
            images = arrays[f"x_{n}"]
            assert images.dtype == np.float32
            assert images.shape == (5, 1, 8, 8)
            assert np.abs(images).max() <= 1
            assert arrays[f"seconds_per_image_{n}"] > 0
        assert not np.array_equal(arrays["x_1"], arrays["x_2"])


def test_sample_from_a_noise_file_repeats_the_seed(tmp_path: Path, trained_run: RunFolder) -> None:
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    assert call("sample", trained_run.path, "--steps", "2", "--count", "3", "--seed", "7", "--out", first) == 0
    np.save(tmp_path / "noise.npy", np.load(first)["noise"])
    assert call("sample", trained_run.path, "--steps", "2", "--noise", tmp_path / "noise.npy", "--out", second) == 0
    assert np.array_equal(np.load(first)["x_2"], np.load(second)["x_2"])
    assert call("sample", trained_run.path, "--steps", "2", "--count", "3", "--seed", "8", "--out", second) == 0
    assert not np.array_equal(np.load(first)["x_2"], np.load(second)["x_2"])


def test_compare_leaves_cells_above_the_own_count_empty(tmp_path: Path, trained_run: RunFolder) -> None:
    out = tmp_path / "sheet.png"
    assert call("compare", trained_run.path, "--out", out, "--stages", "teacher,pd-2", "--count", "4") == 0
    pixels = np.asarray(Image.open(out).convert("RGB"), dtype=int)
    # Four columns: 8, 4, 2 and 1 steps. The middle of a cell is paper or images.
    across = (pixels.shape[1] - 2 * MARGIN - LABEL + GUTTER) / 4
    down = (pixels.shape[0] - 2 * MARGIN - HEADER + GUTTER) / 2

    def filled(row: int, column: int) -> bool:
        y, x = int(MARGIN + HEADER + (row + 0.4) * down), int(MARGIN + LABEL + (column + 0.45) * across)
        return bool((pixels[y - 20 : y + 20, x - 20 : x + 20] < 250).any())

    assert [[filled(row, column) for column in range(4)] for row in range(2)] == [
        [True, True, True, True],
        [False, False, True, True],
    ]


def test_evaluate_measures_every_stage_and_step_count(tmp_path: Path, trained_run: RunFolder) -> None:
    out = tmp_path / "figures.json"
    assert call("evaluate", trained_run.path, "--json", out) == 0
    measured = {
        stage["stage"]: {judgement["sampling_steps"]: judgement for judgement in stage["judgements"]}
        for stage in json.loads(out.read_text())
    }
    assert {stage: sorted(counts) for stage, counts in measured.items()} == {
        "teacher": [1, 2, 4, 8], "pd-4": [1, 2, 4], "pd-2": [1, 2], "cfd-2": [1, 2],
    }  # fmt: skip
    for counts in measured.values():
        for steps, judgement in counts.items():
            assert judgement["network_calls"] == steps
            assert {(f["metric"], f["space"].split()[0], f["reference"]) for f in judgement["figures"]} == {
                (metric, space, reference)
                for metric in ("frechet", "precision", "recall")
                for space in ("judge", "pixels")
                for reference in ("held-out", "train")
            }


def test_status_and_runs_name_the_run(trained_run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("status", trained_run.path) == 0
    assert call("runs", trained_run.path.parent) == 0
    printed = capsys.readouterr().out
    assert printed.count("finished") == 2
    assert "cfd-2" in printed
    job = trained_run.jobs()[-1]
    plan = job.read_plan()
    assert plan is not None
    halves = {"precision": "bfloat16", "distillation_precision": "bfloat16"}
    job.write_plan(plan.model_copy(update=halves | {"fast": FastPaths(compilation="default")}))
    assert call("status", trained_run.path) == 0
    assert "Newest job: on cpu with 1 thread, bfloat16, compiled.\n" in capsys.readouterr().out
    assert "cpu with 1 thread, bfloat16, compiled" in render_report(trained_run)


def test_presets_lists_digits_and_shows_it_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("presets") == 0
    listed = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in listed if line and not line.startswith(" ")]
    assert names == [
        "digits", "cifar10-cfd-to-1", "cifar10-paper", "cifar10-paper-resnet18", "cifar10-pd-only", "cifar10-short",
        "digits-study", "image-folder-32", "imagenet64",
    ]  # fmt: skip
    assert all(line.startswith(" " * 15) or not line or line.split()[0] in names for line in listed)
    assert call("presets", "--show", "digits") == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"name": "digits"}


def test_estimate_says_what_each_stage_costs_and_what_it_is_comparable_with(
    recipe_file: Path, mini_recipe: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "SPAN", 0.0)
    monkeypatch.setattr(estimate, "PATIENCE", {"cpu": 0.0})
    recipe_file.write_text(json.dumps(mini_recipe | {"comparable": "Nothing at all."}))
    assert call("estimate", recipe_file, "--device", "cpu", "--set", "stages.teacher.optimization.steps=100") == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line.strip()}
    assert {"judge", "classifier", "teacher", "pd-4", "pd-2", "cfd-2", "evaluation", "total"} <= set(rows)
    assert rows["teacher"][1] == "1,600"
    assert rows["total"][1] == f"{1600 + 5 * 12 * 16:,}"
    assert rows["teacher"][-1] == "MiB"
    assert "On cpu" in printed
    assert "Comparable with" not in printed  # whatever was set may have made it another experiment
    assert call("estimate", recipe_file, "--device", "cpu") == 0
    assert "Comparable with: Nothing at all." in capsys.readouterr().out


def test_no_arguments_open_the_window_and_return_its_code() -> None:
    opened: list[dict[str, Any]] = []

    def window(**what: Any) -> int:
        opened.append(what)
        return 5

    assert run_command_line([], window) == 5
    assert opened == [{}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "digitz", "--run", "{tmp}/new"], "'digitz' is neither a preset nor a file. Did you mean 'digits'?"),
        (["train", "digits", "--run", "{tmp}/new", "--set", "sed=4"], "there is no field 'sed'; did you mean 'seed'?"),
        (["train", "digits", "--run", "{tmp}/new", "--set", "sed"], "--set: 'sed' sets nothing"),
        (["train", "digits", "--run", "{tmp}/new", "--device", "gpu"], "'gpu' is no device"),
        (["train", "digits", "--run", "{run}"], "holds a run already"),
        (["estimate", "digits", "--set", "sed=4"], "there is no field 'sed'; did you mean 'seed'?"),
        (["estimate", "digits", "--device", "cuda:77"], "device cuda:77"),
        (["resume", "{tmp}"], "is no run folder"),
        (["status", "{tmp}/nothing"], "there is no such folder"),
        (["runs", "{tmp}/nothing"], "there is no such folder"),
        (["sample", "{run}", "--stage", "pd-2", "--steps", "4", "--out", "{tmp}/x.npz"], "made for 2 steps"),
        (["sample", "{run}", "--stage", "judge", "--out", "{tmp}/x.npz"], "the run has no model 'judge'"),
        (["sample", "{run}", "--steps", "two", "--out", "{tmp}/x.npz"], "no list of step counts"),
        (["sample", "{run}", "--out", "{tmp}/x.gif"], "neither .png nor .npz"),
        (["sample", "{run}", "--noise", "{run}/config.json", "--out", "{tmp}/x.npz"], "no readable .npy file"),
        (["compare", "{run}", "--out", "{tmp}/x.jpg"], "the picture is a .png"),
        (["compare", "{run}", "--stages", "teacher,nobody", "--out", "{tmp}/x.png"], "the run has no model 'nobody'"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    code = call(*(argument.format(tmp=tmp_path, run=trained_run.path) for argument in arguments))
    errors = capsys.readouterr().err
    assert code == 2
    assert said in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob("x.*"))


def test_all_wrong_values_are_reported_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["seed=-1", "stages.teacher.optimization.steps=0", "stages.cfd.temperature=99", "stages.judge.widht=3"]
    code = call("train", "digits", "--run", tmp_path / "new", *(part for each in wrong for part in ("--set", each)))
    errors = capsys.readouterr().err
    assert code == 2
    for path in ("seed", "stages.teacher.optimization.steps", "stages.cfd.temperature", "stages.judge.widht"):
        assert f"  {path}: " in errors
    assert "did you mean 'width'?" in errors


def test_missing_arguments_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "digits") == 2
    assert "--run" in capsys.readouterr().err
    assert call("trian") == 2


def test_a_misspelt_section_does_not_hide_the_other_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--set", "netwrk.channels=5", "--set", "network.channels=-5", "--set", "name=" + "[" * 5000]
    assert call("train", "digits", "--run", tmp_path / "new", *wrong) == 2
    errors = capsys.readouterr().err
    for path in ("netwrk.channels", "network.channels", "name"):
        assert f"  {path}: " in errors


@pytest.mark.parametrize("content", [b"PK\x03\x04 no archive", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4", b""])
def test_a_file_that_is_no_noise_is_one_sentence(
    content: bytes, tmp_path: Path, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.npy").write_bytes(content)
    out = tmp_path / "x.npz"
    assert call("sample", trained_run.path, "--noise", tmp_path / "noise.npy", "--out", out) == 2
    assert "is no readable .npy file" in capsys.readouterr().err


def test_a_seed_beyond_all_bounds_and_a_device_that_is_not_there(
    tmp_path: Path, trained_run: RunFolder, recipe_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("sample", trained_run.path, "--seed", str(2**64), "--out", tmp_path / "x.npz") == 2
    assert call("train", recipe_file, "--run", tmp_path / "new", "--device", "cuda:77") == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_name_in_square_brackets_is_listed_as_it_is(
    tmp_path: Path, mini_config: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder.create(tmp_path / "runs" / "one", mini_config(name="[/x] [old]"))
    assert call("runs", tmp_path / "runs") == 0
    assert "[/x] [old]" in capsys.readouterr().out


def test_a_file_that_ends_early_is_no_person_who_went_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(*_: object, **__: object) -> None:
        raise EOFError("No data left in file")

    monkeypatch.setattr(runs, "list_runs", short)
    assert call("runs") == 1
    said = capsys.readouterr().err
    assert "No data left in file" in said
    assert "Aborted" not in said
