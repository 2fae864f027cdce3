"""Precision and fast paths on the command line: what is asked reaches the job, and numbers to compare are float32."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cfd_studio.cli import train
from cfd_studio.cli.app import run_command_line
from cfd_studio.cli.parser import app
from cfd_studio.engine import defaults
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.process import resume_command
from cfd_studio.workers.torchrun import torchrun_command

EVERYTHING = ExecutionRequest(
    device="cuda:1",
    threads=2,
    processes=3,
    accumulation=4,
    precision="tf32",
    fast="channels_last=all, compilation=cuda-graphs",
    data_folder="/my images/ä",
    inception_file="/w.pth",
)


class _Enough(Exception):  # noqa: N818, it is no error
    """The command came as far as is to be seen."""


def _call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], lambda **_: 1)


def _asked(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> ExecutionRequest:
    """Return what the real command asks of the machine."""
    seen: list[ExecutionRequest] = []
    monkeypatch.setattr(train, "work", lambda _run, _open, request: seen.append(request) or 0)
    app(arguments, standalone_mode=False)
    return seen[0]


def test_a_process_is_asked_for_everything_that_was_asked_here(
    mini_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    assert EVERYTHING.model_fields_set == set(ExecutionRequest.model_fields) - {"worker"}
    for request in (EVERYTHING, ExecutionRequest()):
        program, *command = resume_command(run, request)
        assert (program, command[:2]) == (sys.executable, ["-m", "cfd_studio"])
        assert _asked(command[2:], monkeypatch) == request
        command = torchrun_command(run, request)
        one = _asked(command[command.index("cfd_studio") + 1 :], monkeypatch)
        assert one == request.model_copy(update={"processes": 1})


def test_fast_paths_may_be_asked_for_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["resume", str(tmp_path), "--fast", "off", "--fast", "compilation=default"]
    wishes = _asked(words, monkeypatch).fast_wishes
    assert wishes == FastPaths.none().model_copy(update={"compilation": "default"}).model_dump()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--precision", "half"), "--precision: 'half' is no number format. Use auto, float32, tf32 or bfloat16."),
        (("--precision", "tf32"), "precision: TF32 is a number format of CUDA devices, and this is cpu."),
        (("--fast", "wings"), "--fast: 'wings' is no fast path; write off, or NAME=VALUE with one of channels_last,"),
        (("--fast", "compilation=on"), "--fast: compilation cannot be on; it can be off, default, cuda-graphs."),
    ],
)
def test_a_wrong_value_is_a_sentence_and_no_run_is_made(
    words: tuple[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _call("train", "digits", "--run", tmp_path / "run", "--device", "cpu", *words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_device_that_has_no_such_format_refuses_it_before_a_job_begins(
    mini_run: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    run = mini_run()
    assert _call("resume", run.path, "--device", "cpu", "--precision", "tf32") == 2
    assert "Use auto, float32 or bfloat16." in capsys.readouterr().err
    assert not run.jobs()


@pytest.fixture
def rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's default be bfloat16, whatever it is good at and however small the network."""
    monkeypatch.setattr(defaults, "SMALL_GFLOP", 0.0)
    monkeypatch.setattr(defaults, "_computes_bfloat16", lambda: True)


@pytest.mark.usefixtures("rounding")
def test_numbers_that_are_to_be_compared_are_float32_unless_another_format_is_asked_for(
    tmp_path: Path, mini_run: Callable[..., RunFolder], random_weights: Callable[..., RunFolder]
) -> None:
    run = random_weights(mini_run(), "teacher")
    noise = tmp_path / "noise.npy"

    def drawn(*words: str | Path) -> NDArray[Any]:
        out = tmp_path / "x.npz"
        common = ("--stage", "teacher", "--steps", "4", "--count", "5", "--device", "cpu", "--out", out)
        assert _call("sample", run.path, *common, *words) == 0
        with np.load(out) as arrays:
            np.save(noise, arrays["noise"])
            return arrays["x_4"]

    exact = drawn("--precision", "float32")
    rounded = drawn("--precision", "bfloat16")
    assert 1e-5 < abs(rounded - exact).max() < 0.3
    np.testing.assert_array_equal(drawn(), rounded)
    np.testing.assert_array_equal(drawn("--noise", noise), exact)
    np.testing.assert_array_equal(drawn("--noise", noise, "--precision", "bfloat16"), rounded)
    reference = drawn("--sampler", "reference", "--precision", "float32")
    np.testing.assert_array_equal(drawn("--reference-sampler"), reference)
    assert abs(drawn("--reference-sampler", "--precision", "bfloat16") - reference).max() > 1e-5


@pytest.mark.usefixtures("rounding")
@pytest.mark.parametrize(
    ("command", "words", "precision"),
    [
        ("compare", (), "bfloat16"),
        ("compare", ("--sampler", "ddim,reference"), "float32"),
        ("evaluate", (), "bfloat16"),
        ("evaluate", ("--sampler", "reference"), "float32"),
        ("evaluate", ("--precision", "float32"), "float32"),
        ("estimate", (), "bfloat16"),
        ("estimate", ("--precision", "float32"), "float32"),
    ],
)
def test_every_command_that_draws_or_trains_takes_the_precision(
    command: str,
    words: tuple[str, ...],
    precision: str,
    tmp_path: Path,
    mini_run: Callable[..., RunFolder],
    random_weights: Callable[..., RunFolder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen: list[str] = []

    def choose(*given: Any) -> Any:
        chosen.append(choose_paths(*given)[0])
        raise _Enough

    choose_paths = defaults.choose_paths
    from cfd_studio.engine import rehearsal

    for module in (defaults, rehearsal):
        monkeypatch.setattr(module, "choose_paths", choose)
    subject = [command, "digits"]
    if command != "estimate":
        run = random_weights(mini_run(), "teacher")
        subject = [command, str(run.path), *(["--out", str(tmp_path / "x.png")] if command == "compare" else [])]
    with pytest.raises(_Enough):
        app([*subject, "--device", "cpu", *words], standalone_mode=False)
    assert chosen == [precision]
