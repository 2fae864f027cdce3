"""Links and other things that lead elsewhere: nothing outside of a run is read, written or deleted through it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cfd_studio.engine.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from cfd_studio.engine.job import run_job
from cfd_studio.engine.models import open_models
from cfd_studio.interop.weights import load_weights, read_metadata
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs import atomic
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease, current_holder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status

REQUEST = ExecutionRequest(device="cpu", threads=1)
CAPTURED = {"network": {"w": torch.arange(6.0)}}
FOLLOWED = (
    "jobs", "jobs/0001-train", "jobs/0001-train/inbox", "stages", "stages/pd-4", "stages/pd-4/weights.safetensors",
    "stages/pd-4/quality.json", "stages/pd-4/checkpoints", "stages/pd-4/samples", "config.json", "run.json",
    "lease.json", ".lease.lock", ".lease.epoch",
)  # fmt: skip


def _lead_away(path: Path, target: Path) -> None:
    """Move a file or folder out of the run and leave a link to it."""
    if path.exists():
        shutil.move(path, target)
    else:
        target.write_text("1")
    path.symlink_to(target)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_run_with_a_link_in_it_is_opened_by_nobody(name: str, trained_run: RunFolder, tmp_path: Path) -> None:
    _lead_away(trained_run.path / name, tmp_path / "moved")
    for use in (
        trained_run.config,
        lambda: RunMirror(trained_run),
        lambda: run_job(trained_run, REQUEST),
        lambda: open_models(trained_run.path, None, "cpu"),
    ):
        with pytest.raises(CfdError, match="link") as caught:
            use()
        assert name.rpartition("/")[2] in str(caught.value)
    summary = summarize(trained_run.path)
    assert summary.state == "unreadable"
    assert "link" in summary.sentence


def test_a_run_that_is_reached_through_a_link_is_a_run(trained_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(trained_run.path)
    run = RunFolder.open(tmp_path / "link")
    assert run.config() == trained_run.config()
    assert summarize(tmp_path / "link").state == "finished"
    assert len(open_models(tmp_path / "link", ["pd-4"], "cpu")) == 1


def test_links_of_a_person_in_a_run_harm_nobody(trained_run: RunFolder, outside: Path) -> None:
    for folder in (".", "jobs", "stages", "stages/pd-4", "stages/pd-4/checkpoints"):
        (trained_run.path / folder / "my notes").symlink_to(outside)
    assert summarize(trained_run.path).state == "finished"


def test_no_reader_follows_a_link_that_came_after_the_run_was_opened(
    trained_run: RunFolder, tmp_path: Path, outside: Path
) -> None:
    job, stage = trained_run.jobs()[0], trained_run.stage("pd-4")
    mirror = RunMirror(trained_run)
    paths = (
        job.journal, job.status, job.path / "job.json", stage / "quality.json", stage / "weights.safetensors",
        checkpoints(stage)[-1] / "state.pt", checkpoints(stage)[-2] / "manifest.json",
    )  # fmt: skip
    (trained_run.path / "lease.json").symlink_to(outside / "thesis.txt")
    for path in paths:
        _lead_away(path, tmp_path / path.name)
    mirror.refresh()
    assert mirror.log_count == 0
    assert read_status(job.status) is None
    assert job.read_plan() is None
    assert trained_run.quality("pd-4") is None
    assert current_holder(trained_run) is None
    for read in (load_weights, read_metadata):
        with pytest.raises(CfdError, match="it is a link"):
            read(stage / "weights.safetensors")
    for checkpoint in checkpoints(stage):
        with pytest.raises(CfdError, match="it is a link"):
            load_checkpoint(checkpoint, "cpu")


def test_a_checkpoint_that_is_a_link_is_refused_and_never_deleted_through(tmp_path: Path, outside: Path) -> None:
    stage = tmp_path / "stage"
    real = save_checkpoint(tmp_path / "other", 7, CAPTURED, keep=9)
    for step in (1, 2):
        save_checkpoint(stage, step, CAPTURED, keep=9)
    (stage / "checkpoints" / "step-00000000").symlink_to(outside)
    (stage / "checkpoints" / "step-00000007").symlink_to(real)
    (stage / "checkpoints" / f"{atomic.PARTIAL}x").symlink_to(outside)
    with pytest.raises(CfdError, match="the checkpoint is a link") as caught:
        load_checkpoint(checkpoints(stage)[-1], "cpu")
    assert "Delete the folder step-00000007" in str(caught.value)
    (stage / "checkpoints" / "step-00000001" / "link").symlink_to(outside)
    save_checkpoint(stage, 9, CAPTURED, keep=1)  # deletes 0, 1, 2, 7 and what was left half-written
    assert not (stage / "checkpoints" / "step-00000001").exists()
    load_checkpoint(real, "cpu")


@pytest.mark.parametrize("level", ["stage", "checkpoints"])
def test_nothing_is_saved_or_deleted_in_a_folder_that_is_a_link(tmp_path: Path, level: str) -> None:
    real = tmp_path / "other"
    for step in (1, 2, 3):
        save_checkpoint(real, step, CAPTURED, keep=9)
    stage = tmp_path / "stage"
    if level == "stage":
        stage.symlink_to(real)
    else:
        stage.mkdir()
        (stage / "checkpoints").symlink_to(real / "checkpoints")
    with pytest.raises(CfdError, match="is a link"):
        save_checkpoint(stage, 4, CAPTURED, keep=1)
    assert len(checkpoints(real)) == 3


@pytest.mark.parametrize(
    "name", ["step-99999999999999999999999", "step-00000005\n", "step-٠٠٠٠٠٠٠٥", "step-0000000", "step--0000005"]
)
def test_a_folder_that_only_looks_like_a_checkpoint_is_none(tmp_path: Path, name: str) -> None:
    save_checkpoint(tmp_path, 5, CAPTURED, keep=9)
    (tmp_path / "checkpoints" / name).mkdir(parents=True)
    assert [saved.name for saved in checkpoints(tmp_path)] == ["step-00000005"]


def test_a_checkpoint_under_another_step_is_refused(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 5, CAPTURED, keep=9)
    moved = saved.rename(saved.with_name("step-00000009"))
    with pytest.raises(CfdError, match="not the one that was written"):
        load_checkpoint(moved, "cpu")


@pytest.mark.parametrize(
    "bad", ["..", ".", "../teacher", "a/b", "/tmp", "", "A", "a\x00", "a\n", "-a", "a" * 41, "\ud800"]
)
@pytest.mark.parametrize("where", ["id", "parent", "classifier"])
def test_no_name_in_a_config_climbs(bad: str, where: str, mini_recipe: dict[str, Any]) -> None:
    mini_recipe["stages"][-1][where] = bad
    with pytest.raises(CfdError) as caught:
        resolve(mini_recipe)
    said = str(caught.value)
    assert where in said
    assert all(line.isprintable() for line in said.splitlines())


def test_a_job_number_without_bounds_is_no_job(mini_run: Callable[..., RunFolder]) -> None:
    run = mini_run()
    for name in ("9" * 200 + "-train", "٠٠٠١-train", "0001-train\n"):
        (run.path / "jobs" / name).mkdir()
    assert run.jobs() == []
    (run.path / "jobs" / "999999999-train").mkdir()
    with pytest.raises(CfdError, match="no run has so many jobs"):
        run.new_job("train")


def test_a_lease_with_an_impossible_process_is_a_lost_one(mini_run: Callable[..., RunFolder]) -> None:
    import socket

    run = mini_run()
    for pid in (-1, 0, 2**31, 2**70):
        raw = {"epoch": 1, "token": "t", "host": socket.gethostname(), "pid": pid, "process_started": 1.0}
        (run.path / "lease.json").write_text(json.dumps(raw))
        Lease.acquire(run).release()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.timeout(30)
def test_a_pipe_in_place_of_a_file_hangs_nobody(trained_run: RunFolder) -> None:
    job, stage = trained_run.jobs()[0], trained_run.stage("pd-4")
    mirror = RunMirror(trained_run)
    saved = checkpoints(stage)
    for path in (
        job.journal, job.status, job.path / "job.json", stage / "quality.json", stage / "weights.safetensors",
        saved[0] / "state.pt", saved[1] / "manifest.json", trained_run.path / "config.json",
    ):  # fmt: skip
        path.unlink()
        os.mkfifo(path)
    os.mkfifo(trained_run.path / "lease.json")
    assert not mirror.refresh()
    assert (read_status(job.status), job.read_plan(), trained_run.quality("pd-4")) == (None, None, None)
    assert current_holder(trained_run) is None
    for read in (
        trained_run.config,
        lambda: load_weights(trained_run.weights("pd-4")),
        lambda: read_metadata(trained_run.weights("pd-4")),
        lambda: load_checkpoint(saved[0], "cpu"),
        lambda: load_checkpoint(saved[1], "cpu"),
    ):
        with pytest.raises(CfdError, match="no plain file"):
            read()
