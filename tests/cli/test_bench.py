"""``cfd-studio bench``: what it prints, where little is installed, and where somebody ends it."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfd_studio.cli import bench
from cfd_studio.engine import rehearsal
from cfd_studio.engine.bench import course
from cfd_studio.engine.bench.measuring import Pair, Timed
from cfd_studio.engine.defaults import Choice
from cfd_studio.protocol.fast_paths import FastPaths

ROOT = Path(__file__).parents[2]
PAIR = Pair(16, 1, Timed((0.4, 0.2), 2**30, 1.0), Timed((0.1, 0.1), 2**29, 2.0))

_ALONE = """
import sys
sys.modules.update(dict.fromkeys(BLOCKED))  # as if they were not installed
sys.argv = ["cfd-studio", "bench", *ARGUMENTS]
from cfd_studio.__main__ import main
main()
"""
_BLOCKED = {
    "typer", "click", "rich", "safetensors", "appdirs", "PIL", "filelock", "psutil", "msgspec", "sklearn", "scipy",
    "PySide6", "shiboken6", "pyqtgraph", "qtawesome", "torchvision", "torch_fidelity", "jinja2", "wakepy", "onnx",
    "tensorboard",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("names", ["sample-1", "teacher,cfd,sample-1"])
def test_it_needs_torch_numpy_and_pydantic_alone(names: str) -> None:
    arguments = ["--size", "digits", "--rows", names, "--repeats", "2", "--seconds", "0.1"]
    arguments += ["--threads", "1", "--device", "cpu", "--json", "-"]
    code = f"BLOCKED = {_BLOCKED!r}\nARGUMENTS = {arguments!r}\n{_ALONE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    conditions, *rows = told["found"]
    assert (conditions["kind"], conditions["plain"]["precision"]) == ("conditions", "float32")
    assert not any(value not in (False, "off", "none") for value in conditions["plain"]["fast"].values())
    assert [row["kind"] for row in rows] == ["measured"] * len(rows)
    assert [row["row"] for row in rows] == names.replace("cfd", "cfd-cnn").split(",")
    for row in rows:
        assert len(row["pair"]["first"]["seconds"]) == len(row["pair"]["second"]["seconds"]) >= 1
        assert row["operations"] > 0
        assert row["gain"]["lowest"] <= row["gain"]["median"] <= row["gain"]["highest"]
    assert "GMAC/image" in done.stderr  # the table, beside the JSON


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be computed."""
    # Of everything that other tests left it takes long.
    monkeypatch.setattr(course, "gc", SimpleNamespace(collect=lambda: 0))
    monkeypatch.setattr(rehearsal, "choose_paths", lambda *_: Choice("bfloat16", "float32", FastPaths(), 1))
    monkeypatch.setattr(course, "measured_peak", lambda *_: 1e12)
    monkeypatch.setattr(course, "operations", lambda _: 2e9)
    monkeypatch.setattr(course, "measure", lambda *_: PAIR)
    monkeypatch.setattr(course.Side, "work", lambda *_: None)


def _run(*arguments: str) -> int:
    return bench.main(["--device", "cpu", "--threads", "1", *arguments])


@pytest.mark.usefixtures("_quick")
def test_both_sizes_and_all_rows_are_in_the_table_and_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    assert _run("--json", str(file)) == 0
    rows = ["teacher", "pd", "cfd-resnet18", "cfd-densenet201", "classifier-resnet18"]
    rows += ["sample-1", "sample-4", "sample-8", "sample-64"]
    found = json.loads(file.read_text())["found"]
    assert [one["row"] for one in found if one["kind"] == "measured" and one["size"] == "cifar10"] == rows
    told = capsys.readouterr()
    assert "cifar10 pd: fast is 3.00 (2.00..4.00) times as fast as plain" in told.err  # before the table
    table = told.out.splitlines()
    assert [line.split()[0] for line in table if line.split()[1:2] == ["16"]][: len(rows)] == rows
    plain = next(line for line in table if line.startswith("teacher")).split()
    # 16 images in 0.3 s, at 2 GFLOP each, of 1 TFLOP/s.
    assert plain[1:] == ["16", "1", "plain", "53.3", "300", "(200..400)", "1.00", "GiB", "0.107", "11%"]
    assert "3.00 (2.00..4.00) x" in "\n".join(table)


@pytest.mark.usefixtures("_quick")
def test_every_share_is_one_of_the_fastest_product_of_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = iter((1.0, 2.0, 3.0, 9.0, 4.0, 6.0))  # float32 and bfloat16 beside each of three rows
    monkeypatch.setattr(course, "measured_peak", lambda *_: next(seen) * 1e12)
    assert _run("--size", "cifar10", "--rows", "teacher,sample-1,sample-4") == 0
    table = capsys.readouterr().out
    assert "does 4 TFLOP/s in float32, 9 TFLOP/s in bfloat16" in table
    first = table.splitlines().index(next(line for line in table.splitlines() if line.startswith("teacher")))
    shares = [line.split("%")[0].split()[-1] for line in table.splitlines()[first : first + 2]]
    assert shares == ["3", "4"]  # 0.107 of 4, and 0.32 of 9 TFLOP/s


@pytest.mark.usefixtures("_quick")
def test_what_is_ablated_is_said_and_what_makes_no_difference_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--size", "digits", "--rows", "pd,sample-1", "--ablate", "fused_optimizer,data_on_device") == 0
    table = capsys.readouterr().out
    assert "fused_optimizer=off" in table
    assert "Left out: pd, sample-1 (data_on_device): no images to be moved to a device here." in table
    assert "Left out: sample-1 (fused_optimizer): no optimizer here." in table


def test_without_torchvision_its_rows_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setattr(rehearsal, "choose_paths", lambda *_: Choice("bfloat16", "float32", FastPaths(), 1))
    monkeypatch.setattr(course, "measured_peak", lambda *_: 1e12)
    assert _run("--size", "cifar10", "--rows", "classifier") == 0
    assert "Left out: classifier-resnet18 (batch 16): torchvision is not installed." in capsys.readouterr().out


@pytest.mark.usefixtures("_quick")
def test_a_batch_that_does_not_fit_is_left_out_and_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def small(_row: Any, batch: int, *_: Any) -> Pair:
        if batch > 64:
            raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB.")
        return PAIR

    monkeypatch.setattr(course, "measure", small)
    assert _run("--size", "cifar10", "--rows", "teacher", "--batch", "64,128") == 0
    table = capsys.readouterr().out
    assert "Left out: teacher (batch 128): does not fit into the memory." in table
    assert sum(line.startswith("teacher") for line in table.splitlines()) == 1


@pytest.mark.usefixtures("_quick")
def test_ctrl_c_ends_it_with_what_is_measured_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def first_row(row: Any, *_: Any) -> Pair:
        if row.name != "teacher":
            raise KeyboardInterrupt
        return PAIR

    monkeypatch.setattr(course, "measure", first_row)
    assert _run("--size", "digits", "--json", "-") == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["interrupted"]
    assert [one["row"] for one in found["found"][1:]] == ["teacher"]
    assert "Interrupted" in told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "techer"], "there is no row 'techer'"),
        (["--ablate", "speed"], "there is no fast path 'speed'"),
        (["--device", "cuda:99"], "CUDA device"),
    ],
)
def test_what_there_is_not_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert bench.main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--fast", "speed=on"], ["--batch", "0"], ["--device", "tpu"], ["--size", "x"]])
def test_a_wrong_option_ends_before_anything_is_loaded(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        bench.main(arguments)
    assert end.value.code == 2
