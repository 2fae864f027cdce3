"""Jobs in a process of their own."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import inbox
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.workers import process as module
from cfd_studio.workers.process import ProcessJob, ProcessLauncher, resume_command

MakeRun = Callable[..., RunFolder]
REQUEST = ExecutionRequest(device="cpu", threads=1, worker="process")


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def start() -> Iterator[Callable[[RunFolder], ProcessJob]]:
    """Start jobs; whatever still works at the end is killed."""
    started: list[tuple[RunFolder, ProcessJob]] = []

    def begin(run: RunFolder) -> ProcessJob:
        started.append((run, ProcessLauncher().start(run, REQUEST)))
        return started[-1][1]

    yield begin
    for run, job in started:
        if (holder := current_holder(run)) and holder.pid != os.getpid() and psutil.pid_exists(holder.pid):
            os.kill(holder.pid, signal.SIGKILL)
        assert job.wait(30)


@pytest.fixture
def long_run(mini_run: MakeRun, mini_recipe: dict[str, Any]) -> RunFolder:
    mini_recipe["stages"][0]["optimization"]["steps"] = 1_000_000
    return mini_run(stages=mini_recipe["stages"][:1])


def outputs(run: RunFolder) -> list[Path]:
    return sorted(run.path.glob("output-*.txt"))


def test_a_process_trains_by_itself_and_hears_commands(long_run: RunFolder, start: Callable[..., ProcessJob]) -> None:
    job = start(long_run)
    assert job.alive
    assert job.outlives
    wait_until(lambda: run_state(long_run)[0] == "running")
    holder = current_holder(long_run)
    assert holder is not None
    process = psutil.Process(holder.pid)
    assert process.pid != os.getpid()
    assert os.getsid(process.pid) == process.pid  # no signal to our terminal or group reaches it
    assert not job.wait(0.01)
    inbox.drop(long_run.jobs()[-1].inbox, Command(verb=Verb.STOP_KEEP))
    assert job.wait(60)
    assert not job.alive
    assert job.failure is None
    assert run_state(long_run)[0] == "stopped"
    assert outputs(long_run) == []


@pytest.mark.slow
def test_a_second_process_is_refused_and_a_killed_one_leaves_a_lost_run_and_its_output(
    long_run: RunFolder, start: Callable[..., ProcessJob]
) -> None:
    job = start(long_run)
    wait_until(lambda: run_state(long_run)[0] == "running")
    holder = current_holder(long_run)
    assert holder is not None
    second = start(long_run)
    assert second.wait(60)
    assert second.failure is not None
    assert second.failure.startswith(f"{long_run.path}: another trainer is working on this run (process {holder.pid} ")
    assert outputs(long_run) != []
    os.kill(holder.pid, signal.SIGKILL)
    assert job.wait(30)
    assert job.failure is None  # it had begun; the run itself says that it was lost
    assert run_state(long_run)[0] == "lost"
    assert len(outputs(long_run)) == 1


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9 before the job began: it said nothing."),
        ("raise RuntimeError('no luck')", "ended with code 1 before the job began: RuntimeError: no luck."),
    ],
)
def test_a_process_that_dies_early_is_told_with_its_last_words(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch, code: str, how: str
) -> None:
    run = mini_run()
    monkeypatch.setattr(module, "resume_command", lambda *_: [sys.executable, "-c", code])
    job = ProcessLauncher().start(run, REQUEST)
    assert job.wait(30)
    (output,) = outputs(run)
    assert job.failure == f"The process {how} Its output lies in {output}."


def test_every_problem_of_a_config_is_told(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "2026 noise\ncfd-studio: config.json: 2 values cannot stay:\n  seed: no\n  name: no\nmore noise"
    monkeypatch.setattr(module, "resume_command", lambda *_: [sys.executable, "-c", f"print({said!r}); exit(2)"])
    job = ProcessLauncher().start(mini_run(), REQUEST)
    assert job.wait(30)
    assert job.failure == "config.json: 2 values cannot stay:\n  seed: no\n  name: no"


def test_a_run_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    job = ProcessLauncher().start(RunFolder(tmp_path / "gone"), REQUEST)
    assert job.wait(30)
    assert job.failure == f"{tmp_path / 'gone'}: the process could not be started (No such file or directory)."


def test_the_command_says_what_the_request_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path)
    plain = ["resume", str(tmp_path), "--device", "cpu", "--threads", "1"]
    assert resume_command(run, REQUEST) == [sys.executable, "-m", "cfd_studio", *plain]
    several = REQUEST.model_copy(update={"processes": 2, "accumulation": 4})
    assert resume_command(run, several)[-4:] == ["--nproc", "2", "--accumulate", "4"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert resume_command(run, REQUEST) == [sys.executable, *plain]


def test_several_processes_are_never_a_thread() -> None:
    assert not ExecutionRequest(worker="thread").apart
    assert ExecutionRequest(worker="process").apart
    assert ExecutionRequest(worker="thread", processes=2).apart
