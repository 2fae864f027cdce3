"""Images that a command is told of, and what a terminal shows while they are decoded."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cfd_studio.cli.app import run_command_line
from cfd_studio.cli.follow import _progress, _Watch
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import JobStatus
from cfd_studio.workers.process import resume_command
from cfd_studio.workers.torchrun import torchrun_command


def _call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], lambda **_: 3)


@pytest.fixture
def recipe(tmp_path: Path, mini_recipe: dict[str, Any]) -> Path:
    """Return a recipe of two short stages on a file of arrays."""
    mini_recipe["data"] = {"name": "arrays", "image_size": 16, "channels": 1}
    mini_recipe["stages"] = mini_recipe["stages"][:3:2]
    for stage in mini_recipe["stages"]:
        stage["optimization"] = {"steps": 2, "batch_size": 8, "learning_rate": 0.001}
    (tmp_path / "recipe.json").write_text(json.dumps(mini_recipe))
    return tmp_path / "recipe.json"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels, labels=np.arange(60) % 3)
    return tmp_path / "images.npz"


@pytest.mark.parametrize("place", [(), ("--data", "nowhere.npz")])
def test_without_images_no_run_is_made(
    recipe: Path, tmp_path: Path, place: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _call("train", recipe, "--run", tmp_path / "run", *place) == 2
    assert not (tmp_path / "run").exists()
    said = capsys.readouterr().err
    assert ".npz" in said
    assert len(said.splitlines()) == 1


def test_a_run_remembers_where_its_images_lie(
    recipe: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.chdir(tmp_path)
    how = ("--threads", "1", "--device", "cpu")
    assert _call("train", recipe, "--run", run, "--data", "images.npz", *how) == 0
    monkeypatch.chdir("/")
    RunFolder(run).weights("teacher").unlink()
    assert _call("resume", run, *how) == 0
    images.rename(tmp_path / "moved.npz")
    assert _call("evaluate", run, "--device", "cpu", "--own") == 2
    assert "images.npz: is no .npz or .npy file" in capsys.readouterr().err
    assert _call("evaluate", run, "--device", "cpu", "--own", "--data", tmp_path / "moved.npz") == 0


def test_the_place_reaches_other_processes(mini_run: Callable[..., RunFolder]) -> None:
    request = ExecutionRequest(data_folder="/some where/images")
    for command in (resume_command(mini_run(), request), torchrun_command(mini_run("other"), request)):
        assert command[command.index("--data") + 1] == "/some where/images"


def test_a_terminal_counts_the_images_that_are_decoded(mini_run: Callable[..., RunFolder]) -> None:
    run = mini_run()
    job = run.new_job("train")

    def at(**status: Any) -> None:
        atomic.write_bytes(job.status, JobStatus(**status).model_dump_json().encode())
        watch.look()

    console = Console(file=io.StringIO(), force_terminal=True)
    with _progress(console) as progress:
        watch = _Watch(console, progress, RunMirror(run))
        at(phase="caching", done=20, total=40, unit="[/images]")
        (task,) = progress.tasks
        assert (task.description, task.completed, task.total, task.visible) == ("caching", 20, 40, True)
        at(phase="downloading", done=3, unit="MB")
        (task,) = progress.tasks
        assert (task.description, task.completed, task.total) == ("downloading", 3, None)
        at(phase="downloading", done=3, total=160, unit="MB")
        assert (task.completed, task.total) == (3, 160)
        at(phase="training", stage="teacher")
        assert not progress.tasks
