"""What a debug bundle tells, and what it keeps to itself."""

import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.bundle import TAIL_BYTES, write_bundle


@pytest.fixture
def run(mini_run: Callable[..., RunFolder]) -> RunFolder:
    made = mini_run(name="secret-project", summary=f"In {Path.home()}/pictures.")
    job = made.new_job("train")
    job.write_plan(ExecutionPlan(device="cpu", threads=1, data_folder=f"{Path.home()}/pictures"))
    job.log.write_text("it began\n")
    (made.stage("judge") / "samples").mkdir(parents=True)
    (made.stage("judge") / "samples" / "step-1.png").write_bytes(b"a picture")
    made.weights("judge").write_bytes(b"weights")
    (made.stage("judge") / "checkpoints").mkdir()
    (made.stage("judge") / "checkpoints" / "state.safetensors").write_bytes(b"not even when ticked")
    return made


def content(bundle: Path) -> dict[str, str]:
    with zipfile.ZipFile(bundle) as zipped:
        assert zipped.testzip() is None
        return {name: zipped.read(name).decode() for name in zipped.namelist()}


def test_a_bundle_tells_of_the_error_and_nothing_of_the_person(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada.lovelace")
    monkeypatch.setenv("LOGNAME", "ada.lovelace")
    monkeypatch.setenv("API_TOKEN", "do-not-tell")
    monkeypatch.setattr(socket, "gethostname", lambda: "analytical-engine")
    said = "/home/ada.lovelace/a, /mnt/ada.lovelace/b, on analytical-engine; ada.lovelaces"
    run.jobs()[0].log.write_text(f"the first line\n{'x' * TAIL_BYTES}\n{said}\n")
    error = 'Traceback\n  File "/home/ada.lovelace/cfd/loop.py"\nRuntimeError: the device burnt down'
    files = content(write_bundle(tmp_path / "bundle.zip", run.path, error))
    assert set(files) == {
        "error.txt",
        "machine.json",
        "run.json",
        "config.json",
        "jobs/0001-train/job.json",
        "jobs/0001-train/log.txt",
    }
    assert "the device burnt down" in files["error.txt"]
    assert "~/cfd/loop.py" in files["error.txt"]
    log = files["jobs/0001-train/log.txt"]
    assert log.endswith("x\n~/a, /mnt/~/b, on host; ada.lovelaces\n")
    assert "the first line" not in log  # the end of it is enough
    everything = "".join(files.values())
    assert "/home/ada" not in everything
    assert "analytical" not in everything
    assert "do-not-tell" not in everything
    assert '"torch"' in files["machine.json"]


def test_images_and_weights_come_along_only_where_they_are_ticked(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "private.png").write_bytes(b"outside")
    (run.stage("judge") / "samples" / "link.png").symlink_to(tmp_path / "private.png")
    (run.path / "imports").symlink_to(tmp_path)
    light = content(write_bundle(tmp_path / "light.zip", run.path, "It broke."))
    heavy = content(write_bundle(tmp_path / "heavy.zip", run.path, "It broke.", heavy=True))
    assert {name: heavy[name] for name in heavy.keys() - light.keys()} == {
        "stages/judge/samples/step-1.png": "a picture",
        "stages/judge/weights.safetensors": "weights",
    }


def test_without_a_run_there_is_still_a_bundle(tmp_path: Path) -> None:
    assert set(content(write_bundle(tmp_path / "bundle.zip", None, "It broke."))) == {"error.txt", "machine.json"}


def test_a_bundle_takes_nothing_from_a_run_and_says_where_it_cannot_be_written(run: RunFolder, tmp_path: Path) -> None:
    before = (run.path / "config.json").read_bytes()
    with pytest.raises(CfdError, match="belongs to a run"):
        write_bundle(run.path / "config.json", run.path, "It broke.")
    assert (run.path / "config.json").read_bytes() == before
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CfdError, match="cannot be written"):
        write_bundle(tmp_path / "file" / "bundle.zip", run.path, "It broke.")
