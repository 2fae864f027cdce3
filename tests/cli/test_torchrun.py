"""Several processes from the command line: `train --nproc 2`, and `torchrun` itself."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cfd_studio.engine.checkpoint import checkpoints
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status
from cfd_studio.workers.torchrun import torchrun_command

Fingerprints = Callable[[RunFolder], dict[str, str]]
PLAN = ["--device", "cpu", "--threads", "1"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cfd_studio"]


@pytest.fixture
def config(tmp_path: Path, mini_recipe: dict[str, Any]) -> Callable[..., str]:
    """Return a function that writes a config of judge, classifier, teacher and PD, and returns its path."""

    def write(steps: int = 16) -> str:
        mini_recipe["stages"] = mini_recipe["stages"][:4]
        mini_recipe["stages"][2]["optimization"]["steps"] = steps
        mini_recipe["stages"][3]["sampling_steps"] = [4]
        path = tmp_path / "config.json"
        path.write_text(json.dumps(mini_recipe))
        return str(path)

    return write


@pytest.fixture
def begin() -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Start commands; whatever of them still lives at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(command: list[str]) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait(30)


def _wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _log(run: RunFolder) -> str:
    mirror = RunMirror(run)
    mirror.refresh()
    return "\n".join(text for _, _, text in mirror.log)


def test_the_launchers_command_line_says_everything_that_was_asked(mini_run: Callable[..., RunFolder]) -> None:
    request = ExecutionRequest(device="cpu", threads=3, processes=4, accumulation=2)
    command = torchrun_command(mini_run(), request)
    words = " ".join(command)
    for asked in ("--nproc-per-node 4", "resume", "--device cpu", "--threads 3", "--accumulate 2"):
        assert asked in words


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nproc_and_plain_torchrun_are_the_same_and_one_process_goes_on_with_a_notice(
    tmp_path: Path, config: Callable[..., str], begin: Callable[..., Any], fingerprints: Fingerprints
) -> None:
    ours, plain = RunFolder(tmp_path / "nproc"), RunFolder(tmp_path / "torchrun")
    cli = [sys.executable, "-m", "cfd_studio"]
    first = begin([*cli, "train", config(), "--run", str(ours.path), "--nproc", "2", *PLAN])
    said = first.communicate(timeout=400)[0]
    assert first.returncode == 0, said
    assert "2 processes" in said
    assert "All 4 stages are trained and judged." in said
    second = begin([*TORCHRUN, "train", config(), "--run-dir", str(plain.path), *PLAN])
    said = second.communicate(timeout=400)[0]
    assert second.returncode == 0, said
    assert fingerprints(ours) == fingerprints(plain)
    assert len(fingerprints(ours)) == 4
    assert not list(ours.path.glob("output-*.txt"))
    plain.weights("pd-4").unlink()
    third = begin([*cli, "resume", str(plain.path), *PLAN])
    assert third.wait(200) == 0
    (notice,) = [line for line in _log(plain).splitlines() if "from here on the run is not bitwise" in line]
    assert "the last one cpu with 1 thread, 2 processes" in notice
    # A folder that holds a run already is refused by all of them in one sentence.
    again = begin([*TORCHRUN, "train", config(), "--run-dir", str(plain.path), *PLAN])
    said = again.communicate(timeout=200)[0]
    assert again.returncode != 0
    assert said.count("holds a run already") == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_interrupt_saves_and_a_killed_process_ends_the_job_in_a_sentence_and_both_resume(
    tmp_path: Path, config: Callable[..., str], begin: Callable[..., Any]
) -> None:
    run = RunFolder(tmp_path / "run")
    cli = [sys.executable, "-m", "cfd_studio"]
    process = begin([*cli, "train", config(steps=100_000), "--run", str(run.path), "--nproc", "2", *PLAN])
    _wait_for(lambda: checkpoints(run.stage("teacher")), process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert "Stopped and saved; the run goes on from step" in said
    assert current_holder(run) is None

    saved = len(checkpoints(run.stage("teacher")))
    newest = checkpoints(run.stage("teacher"))[-1]
    process = begin([*cli, "resume", str(run.path), "--nproc", "2", *PLAN])
    _wait_for(lambda: checkpoints(run.stage("teacher"))[-1] != newest, process)
    assert "goes on from step" in _log(run)
    holder = current_holder(run)
    assert holder is not None
    others = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.environ().get("RANK") == "1" and child.pid != holder.pid
    ]
    assert len(others) == 1
    os.kill(others[0].pid, signal.SIGKILL)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert "another process of this job ended" in said or "Stopped and saved" in said
    status = read_status(run.jobs()[-1].status)
    assert status is not None
    assert status.state in (JobState.FAILED, JobState.STOPPED)
    assert "Traceback" not in said
    assert len(checkpoints(run.stage("teacher"))) >= saved
    assert current_holder(run) is None
