"""Where a command writes: never into a run's own files, and where it cannot, it says so before it works."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.outputs import check_output

CHECKPOINT = Path(__file__).parents[1] / "interop" / "reference" / "ckpt.pt"


def call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], lambda **_: 0)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _commands(run: RunFolder, out: Path) -> dict[str, tuple[str | Path, ...]]:
    """Return every command that would write there; none can do its work, as nothing is trained."""
    return {
        ".json": ("evaluate", run.path, "--json", out),
        ".npz": ("sample", run.path, "--out", out),
        ".png": ("compare", run.path, "--out", out),
        ".safetensors": ("export", run.path, "--stage", "teacher", "--to", "safetensors", "--out", out),
        ".onnx": ("export", run.path, "--stage", "teacher", "--to", "onnx", "--out", out),
        "": ("export", run.path, "--stage", "teacher", "--to", "images", "--out", out),
    }


@pytest.mark.parametrize(
    "place",
    [
        "config.json", "run.json", "CONFIG.json", "config.safetensors", "lease.json", "imports/x.json", "notes.json",
        "stages/teacher/weights.safetensors", "stages/teacher/x.npz", "stages/x.png", "jobs/0001-train/inbox/x.json",
        "stages/set", "jobs/new/m.onnx", "stages/../config.json",
    ],
)  # fmt: skip
def test_no_command_writes_over_what_belongs_to_a_run(
    place: str, mini_run: Callable[..., RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    run = mini_run()
    (run.path / "stages" / "teacher").mkdir()
    (run.path / "notes.json").write_text('{"dear": true}')
    before = _files(run.path)
    for folder in (run.path, tmp_path / "link" / run.path.relative_to(tmp_path)):
        out = folder / place
        assert call(*_commands(run, out)[out.suffix]) == 2
        said = capsys.readouterr().err
        assert "belongs to a run, and nothing else may be written there" in said
        assert len(said.splitlines()) == 1
    assert _files(run.path) == before


def test_no_run_is_imported_into_another(
    mini_run: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    run = mini_run()
    assert call("import", CHECKPOINT, "--run", run.path / "stages" / "inner") == 2
    assert "belongs to a run" in capsys.readouterr().err
    assert not list((run.path / "stages").iterdir())


def test_pictures_and_new_files_may_lie_beside_what_a_run_owns(
    mini_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    run = mini_run()
    (run.path / "comparison.png").touch()
    for name in ("comparison.png", "samples.npz", "figures.json", "mine/x.json"):
        check_output(run.path / name)
    (tmp_path / "plain" / "stages").mkdir(parents=True)
    (tmp_path / "plain" / "config.json").write_text("{}")  # a folder named as a run's is none without run.json
    check_output(tmp_path / "plain" / "config.json")
    check_output(tmp_path / "plain" / "stages" / "x.json")


def test_a_link_to_a_file_of_a_run_is_replaced_and_not_followed(
    mini_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    run = mini_run()
    (run.path / "mine.png").symlink_to(tmp_path / "elsewhere.png")
    (run.path / "stages" / "x.png").symlink_to(tmp_path / "elsewhere.png")
    check_output(run.path / "mine.png")
    with pytest.raises(CfdError, match="belongs to a run"):
        check_output(run.path / "stages" / "x.png")


@pytest.mark.parametrize("suffix", [".json", ".npz", ".png", ".safetensors", ".onnx", ""])
def test_what_cannot_be_written_is_found_before_the_work(
    suffix: str, mini_run: Callable[..., RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = mini_run()
    (tmp_path / "file").touch()
    (tmp_path / f"folder{suffix}").mkdir()
    before = sorted(tmp_path.rglob("*"))
    places = [
        tmp_path / "file" / f"x{suffix}",
        tmp_path / "file" / "deep" / f"x{suffix}",
        tmp_path / f"{'x' * 300}{suffix}",
    ]
    places += [Path(f"/proc/x{suffix}")] if Path("/proc/self").is_dir() else []
    for out in places:
        assert call(*_commands(run, out)[suffix]) == 2
        assert f"{out}: cannot be written (" in capsys.readouterr().err
    if suffix:
        assert call(*_commands(run, tmp_path / f"folder{suffix}")[suffix]) == 2
        assert "is there and is no plain file" in capsys.readouterr().err
    assert call(*_commands(run, tmp_path / "new" / f"x{suffix}")[suffix]) == 2
    assert "cannot be written" not in capsys.readouterr().err  # but there is nothing trained to write
    assert sorted(tmp_path.rglob("*")) == before


def test_figures_are_written_into_a_folder_that_is_new(trained_run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "new" / "figures.json"
    assert call("evaluate", trained_run.path, "--stage", "cfd-2", "--own", "--json", out) == 0
    assert json.loads(out.read_bytes())[0]["stage"] == "cfd-2"


def test_a_picture_of_nothing_is_refused(
    trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.png"
    assert call("compare", trained_run.path, "--stages", "pd-4,cfd-2", "--steps", "64,8", "--out", out) == 2
    assert "no model can use 8 steps, and the picture would be empty. Ask for 1 to 4." in capsys.readouterr().err
    assert not out.exists()
    assert call("compare", trained_run.path, "--stages", "cfd-2", "--steps", "64,2", "--count", "1", "--out", out) == 0


def test_a_run_whose_images_are_unfit_says_how_to_go_on(
    mini_recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mini_recipe["data"] = {"name": "arrays", "image_size": 16, "channels": 1}
    mini_recipe["stages"] = mini_recipe["stages"][:1]
    mini_recipe["stages"][0]["optimization"] = {"steps": 2, "batch_size": 8, "learning_rate": 0.001}
    (tmp_path / "recipe.json").write_text(json.dumps(mini_recipe))
    pixels = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "bad.npz", images=pixels)
    np.savez(tmp_path / "good.npz", images=pixels, labels=np.arange(60) % 3)
    run = tmp_path / "a run"
    how = ("--device", "cpu", "--threads", "1")
    assert call("train", tmp_path / "recipe.json", "--run", run, "--data", tmp_path / "bad.npz", *how) == 2
    said = capsys.readouterr().err
    assert "the images have no classes" in said
    assert f"`cfd-studio resume '{run}' --data PATH`" in said
    assert call("resume", run, "--data", tmp_path / "good.npz", *how) == 0
