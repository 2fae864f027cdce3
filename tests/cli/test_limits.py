"""Real limits of the system, in processes of their own: memory, file size, signals, a lost terminal."""

import errno
import io
import json
import os
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
from cfd_studio.protocol.events import Event
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.workspace.folders import log_folder

Fingerprints = Callable[[RunFolder], dict[str, str]]

# Everything is imported before the limit counts, so that it is the work that meets it.
_LIMITED = """
import re, resource, sys
import PIL.Image, rich.progress, scipy.linalg, sklearn.datasets, torch, torch._dynamo
import cfd_studio.engine.job, cfd_studio.workers.thread, cfd_studio.engine.models, cfd_studio.cli.follow
from cfd_studio.cli.app import run_command_line
torch.set_num_threads(1)
torch.ones(64, 64, requires_grad=True).matmul(torch.ones(64, 64)).sum().backward()  # the threads of autograd
room = int(sys.argv[1]) * 2**20
status = open("/proc/self/status").read()
used = int(re.search(r"VmSize:\\s+(\\d+)", status)[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
sys.exit(run_command_line(sys.argv[2:], lambda: 0))
"""
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}


def _limited(room: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _LIMITED, str(room), *map(str, arguments)]
    return subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=240)


def _cfd(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cfd_studio", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=240)


@pytest.fixture
def greedy_recipe(tmp_path: Path, mini_recipe: dict[str, Any]) -> Path:
    """Return a recipe whose teacher needs some 300 MB for a step."""
    judge, _, teacher, *_ = mini_recipe["stages"]
    teacher["optimization"] |= {"steps": 3, "batch_size": 1400}
    mini_recipe["network"]["channels"] = 16
    mini_recipe["stages"] = [judge, teacher]
    path = tmp_path / "greedy.json"
    path.write_text(json.dumps(mini_recipe))
    return path


def _one_sentence(ended: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert "Traceback" not in ended.stderr
    assert sentence in ended.stderr
    assert ended.returncode == 1


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")


@pytest.mark.slow
@needs_linux
def test_training_that_really_runs_out_of_memory_ends_with_a_sentence_and_resumes_bitwise(
    tmp_path: Path, greedy_recipe: Path, fingerprints: Fingerprints
) -> None:
    options = ("--threads", "1", "--device", "cpu")
    short = _limited(180, "train", greedy_recipe, "--run", tmp_path / "short", *options)
    _one_sentence(
        short, "not enough memory on cpu while training stage 'teacher'. Resume with every batch in two parts"
    )
    run = RunFolder(tmp_path / "short")
    assert not (run.path / "lease.json").exists()
    assert run.weights("judge").exists()
    assert _cfd("resume", run.path, *options).returncode == 0
    assert _cfd("train", greedy_recipe, "--run", tmp_path / "whole", *options).returncode == 0
    assert fingerprints(run) == fingerprints(RunFolder(tmp_path / "whole"))
    assert len(fingerprints(run)) == 2


@pytest.mark.slow
@needs_linux
def test_sampling_that_really_runs_out_of_memory_ends_with_a_sentence(tmp_path: Path, trained_run: RunFolder) -> None:
    out = tmp_path / "images.npz"
    arguments = ("sample", trained_run.path, "--count", "50000", "--steps", "1", "--device", "cpu", "--out", out)
    _one_sentence(
        _limited(30, *arguments),
        f"cfd-studio: not enough memory on cpu while drawing images of {trained_run.path}. Ask for fewer images",
    )
    assert not out.exists()
    assert _limited(400, *arguments).returncode == 0


@pytest.mark.slow
@needs_linux
def test_judging_that_really_runs_out_of_memory_ends_with_a_sentence(trained_run: RunFolder) -> None:
    config = json.loads((trained_run.path / "config.json").read_text())
    config["evaluation"] |= {"samples": 8000, "batch_size": 8000}
    (trained_run.path / "config.json").write_text(json.dumps(config))
    _one_sentence(
        _limited(50, "evaluate", trained_run.path, "--device", "cpu"),
        f"cfd-studio: not enough memory on cpu while judging the models of {trained_run.path}. Use a run with",
    )
    assert _limited(1000, "evaluate", trained_run.path, "--device", "cpu").returncode == 0


@pytest.mark.slow
@needs_linux
def test_a_limit_on_the_size_of_files_ends_the_job_with_a_sentence_and_the_run_goes_on_without_it(
    tmp_path: Path, mini_recipe: dict[str, Any], trained_run: RunFolder, fingerprints: Fingerprints
) -> None:
    # Python ignores SIGXFSZ from its start, so the write itself fails.
    mini_recipe["stages"] = mini_recipe["stages"][:3:2]
    recipe = tmp_path / "mini.json"
    recipe.write_text(json.dumps(mini_recipe))
    run = RunFolder(tmp_path / "run")
    options = ("--threads", "1", "--device", "cpu")
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({100_000}, {100_000})); "
    start = "import sys; from cfd_studio.cli.app import run_command_line; sys.exit(run_command_line(sys.argv[1:], int))"
    command = [sys.executable, "-c", limit + start, "train", recipe, "--run", run.path, *options]
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=240)
    _one_sentence(ended, "the checkpoint of step 5 of stage 'teacher' cannot be written (File too large).")
    assert _cfd("resume", run.path, *options).returncode == 0
    assert fingerprints(run).items() <= fingerprints(trained_run).items()
    assert len(fingerprints(run)) == 2


@pytest.fixture
def long_training(tmp_path: Path, mini_recipe: dict[str, Any]) -> tuple[list[str], RunFolder]:
    """Return a command that trains for minutes, and its run."""
    mini_recipe["stages"] = mini_recipe["stages"][:1]
    mini_recipe["stages"][0]["optimization"]["steps"] = 1_000_000
    mini_recipe["journal"] |= {"held_out_every": 1000, "checkpoint_every": 200}
    recipe = tmp_path / "long.json"
    recipe.write_text(json.dumps(mini_recipe))
    run = RunFolder(tmp_path / "run")
    command = [sys.executable, "-m", "cfd_studio", "train", str(recipe), "--run", str(run.path), "--threads", "1"]
    return command, run


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signal here")
def test_a_closed_terminal_and_the_kill_that_follows_it_stop_and_keep(
    long_training: tuple[list[str], RunFolder],
) -> None:
    command, run = long_training
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait_until(lambda: len(checkpoints(run.stage("judge"))) > 0)
        training.stdout.close()  # type: ignore[union-attr]
        training.stderr.close()  # type: ignore[union-attr]
        training.send_signal(signal.SIGHUP)
        training.send_signal(signal.SIGTERM)
        assert training.wait(60) == 1
    finally:
        training.kill()
        training.wait()
    assert "Stopped and saved; the run goes on from step" in run.jobs()[0].log.read_text()
    saved = int(checkpoints(run.stage("judge"))[-1].name[5:])
    assert f"from step {saved:,} of stage 'judge'" in run.jobs()[0].log.read_text()
    assert not (run.path / "lease.json").exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signal here")
def test_under_nohup_a_closed_terminal_changes_nothing(long_training: tuple[list[str], RunFolder]) -> None:
    command, run = long_training
    training = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    try:
        _wait_until(lambda: len(checkpoints(run.stage("judge"))) > 0)
        training.send_signal(signal.SIGHUP)
        before = checkpoints(run.stage("judge"))[-1]
        _wait_until(lambda: checkpoints(run.stage("judge"))[-1] != before)
        assert training.poll() is None
        training.send_signal(signal.SIGTERM)
        assert training.wait(60) == 1
    finally:
        training.kill()
        training.wait()
    assert "Stopped and saved" in run.jobs()[0].log.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize(("to", "code", "said"), [("| true", 1, ""), ("> /dev/full", 1, "(No space left on device)")])
def test_output_that_nobody_takes_is_no_traceback(to: str, code: int, said: str) -> None:
    command = f"{sys.executable} -m cfd_studio presets --show digits {to}; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert len(ended.stderr.splitlines()) == (1 if said else 0)


def test_an_unexpected_error_is_a_sentence_that_names_the_file_with_the_details(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def window() -> int:
        raise ZeroDivisionError("of the window\nand more")

    assert run_command_line([], window) == 1
    said = capsys.readouterr().err
    assert said.startswith("cfd-studio: an unexpected error ended the command: ZeroDivisionError: of the window. The ")
    assert said.count("\n") == 1
    details = Path(said.rstrip().rstrip(".").rpartition(" ")[2])
    assert details.parent == log_folder()
    assert "Traceback" in details.read_text()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory on cpu while carrying out the command."),
        (PermissionError(13, "Permission denied", "/x/y"), "/x/y: cannot be read or written (Permission denied) while"),
        (OSError(5, "Input/output error"), "a file cannot be read or written (Input/output error) while"),
    ],
)
def test_a_mishap_of_any_command_is_one_sentence(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def window() -> int:
        raise error

    assert run_command_line([], window) == 1
    assert f"cfd-studio: {said}" in capsys.readouterr().err
    assert not log_folder().exists()


@pytest.fixture
def short_recipe(tmp_path: Path, mini_recipe: dict[str, Any]) -> Path:
    mini_recipe["stages"] = mini_recipe["stages"][:1]
    path = tmp_path / "short.json"
    path.write_text(json.dumps(mini_recipe))
    return path


def _train(recipe: Path) -> int:
    options = ["--run", str(recipe.parent / "run"), "--threads", "1", "--device", "cpu"]
    return run_command_line(["train", str(recipe), *options], lambda: 0)


def test_what_ended_a_job_reaches_the_terminal_where_its_journal_cannot_take_it(
    short_recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = JournalWriter.write
    lines = iter(range(1000))

    def no_more(journal: JournalWriter, event: Event) -> None:
        if next(lines) > 5:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        write(journal, event)

    monkeypatch.setattr(JournalWriter, "write", no_more)
    assert _train(short_recipe) == 1
    assert "cfd-studio: the journal cannot be written (File too large)." in capsys.readouterr().err


def test_a_terminal_that_takes_nothing_more_does_not_disturb_the_training(
    short_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(sys, "stderr", Gone())
    assert _train(short_recipe) == 0
