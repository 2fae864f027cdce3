"""Training from the command line: Ctrl-C, a second trainer, and checkpoints that somebody damaged."""

import hashlib
import json
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.engine.checkpoint import checkpoints
from cfd_studio.runs.folder import RunFolder


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ctrl_c_keeps_and_a_second_trainer_is_refused(
    tmp_path: Path, mini_recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    mini_recipe["stages"][2]["optimization"]["steps"] = 100_000
    recipe = tmp_path / "long.json"
    recipe.write_text(json.dumps(mini_recipe))
    run = RunFolder(tmp_path / "run")
    command = [sys.executable, "-m", "cfd_studio", "train", str(recipe), "--run", str(run.path), "--threads", "1"]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: len(checkpoints(run.stage("teacher"))) == 2)
        assert run_command_line(["resume", str(run.path), "--threads", "1"], open_window=lambda: 0) == 2
        said = capsys.readouterr().err
        assert f"another trainer is working on this run (process {training.pid} on" in said
        assert len(run.jobs()) == 1
        training.send_signal(signal.SIGINT)
        _, errors = training.communicate(timeout=60)
    finally:
        training.kill()
        training.wait()
    assert training.returncode == 1
    assert "Traceback" not in errors
    assert not (run.path / "lease.json").exists()
    log = run.jobs()[0].log.read_text()
    assert f"goes on from step {int(checkpoints(run.stage('teacher'))[-1].name[5:]):,} of stage 'teacher'" in log


@pytest.mark.parametrize("damage", ["truncated", "bomb"])
def test_a_damaged_checkpoint_is_refused_and_nothing_is_lost(
    damage: str, trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained_run
    run.weights("teacher").unlink()  # as if the job had died after the stage's last checkpoint
    newest = checkpoints(run.stage("teacher"))[-1]
    state, mark = newest / "state.pt", tmp_path / "executed"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (mark,))

    data = state.read_bytes()[:-100] if damage == "truncated" else pickle.dumps(Bomb())
    state.write_bytes(data)
    if damage == "bomb":  # with a manifest that vouches for it
        manifest = {"step": 16, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (newest / "manifest.json").write_text(json.dumps(manifest))
    before = {path: path.read_bytes() for path in run.path.glob("stages/**/*") if path.is_file()}
    assert run_command_line(["resume", str(run.path), "--threads", "1"], open_window=lambda: 0) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "".join(str(state).split()) in "".join(said.split())  # the terminal may have wrapped it
    assert not mark.exists()
    assert {path: path.read_bytes() for path in run.path.glob("stages/**/*") if path.is_file()} == before
