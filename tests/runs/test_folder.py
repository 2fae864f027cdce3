"""Making and opening runs; every mistake is one sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]


def test_a_new_run_holds_its_config_and_nothing_else(mini_run: MakeRun, mini_config: Callable[..., RunConfig]) -> None:
    run = mini_run()
    assert {entry.name for entry in run.path.iterdir()} == {"run.json", "config.json", "jobs", "stages"}
    assert RunFolder.open(run.path).config() == mini_config()
    assert run.jobs() == []


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_kept(mini_run: MakeRun) -> None:
    run = mini_run()
    before = (run.path / "config.json").read_bytes()
    with pytest.raises(CfdError, match="holds a run already"):
        mini_run(seed=99)
    assert (run.path / "config.json").read_bytes() == before


def test_a_folder_that_holds_something_is_refused_and_left_alone(mini_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("dear")
    with pytest.raises(CfdError, match="not empty"):
        mini_run("full")
    assert [entry.name for entry in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_an_empty_folder_and_missing_parents_are_fine(mini_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    mini_run("empty")
    assert mini_run("a/b/c").path.is_dir()


def test_a_path_below_a_file_cannot_be_a_run(mini_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("file", "file/run"):
        with pytest.raises(CfdError, match="cannot be written"):
            mini_run(name)


def test_a_name_too_long_for_the_disk_is_a_sentence(mini_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(CfdError):
        mini_run("x" * 300)
    with pytest.raises(CfdError):
        RunFolder.open(tmp_path / ("x" * 300))


@pytest.mark.parametrize("removed", ["run.json", "config.json"])
def test_what_is_no_run_is_not_opened(mini_run: MakeRun, tmp_path: Path, removed: str) -> None:
    run = mini_run()
    (run.path / removed).unlink()
    with pytest.raises(CfdError, match="is no run folder"):
        RunFolder.open(run.path)
    with pytest.raises(CfdError, match="no such folder"):
        RunFolder.open(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"name": "x"}'])
def test_a_damaged_config_is_a_sentence_that_names_the_file(mini_run: MakeRun, content: bytes) -> None:
    run = mini_run()
    (run.path / "config.json").write_bytes(content)
    with pytest.raises(CfdError, match=r"config\.json"):
        run.config()


def test_a_run_of_a_newer_version_is_told_so(mini_run: MakeRun) -> None:
    run = mini_run()
    raw = json.loads((run.path / "config.json").read_bytes())
    (run.path / "config.json").write_text(json.dumps(raw | {"format_version": 2, "from_the_future": 1}))
    with pytest.raises(CfdError, match="newer version"):
        run.config()


def test_jobs_are_numbered_in_order_and_strangers_ignored(mini_run: MakeRun) -> None:
    run = mini_run()
    assert [run.new_job("train").number for _ in range(3)] == [1, 2, 3]
    (run.path / "jobs" / "0012-train").mkdir()
    (run.path / "jobs" / "notes").mkdir()
    (run.path / "jobs" / "0099-train").write_text("a file")
    assert run.new_job("evaluate").path.name == "0013-evaluate"
    assert [job.number for job in run.jobs()] == [1, 2, 3, 12, 13]
    assert all(job.inbox.is_dir() for job in run.jobs() if job.number != 12)


def test_job_ten_thousand_comes_after_job_nine_thousand(mini_run: MakeRun) -> None:
    run = mini_run()
    for name in ("9999-train", "10000-train"):
        (run.path / "jobs" / name).mkdir()
    assert run.new_job("train").number == 10_001


def test_plan_and_quality_come_back_and_damage_reads_as_absence(mini_run: MakeRun) -> None:
    run = mini_run()
    job = run.new_job("train")
    assert job.read_plan() is None
    job.write_plan(ExecutionPlan(device="cpu", threads=2))
    assert job.read_plan() == ExecutionPlan(device="cpu", threads=2)
    (job.path / "job.json").write_text("{")
    assert job.read_plan() is None
    assert run.quality("teacher") is None
    run.stage("teacher").mkdir()
    run.write_quality(StageQuality(stage="teacher", accuracies={"judge": 0.5}))
    assert run.quality("teacher") == StageQuality(stage="teacher", accuracies={"judge": 0.5})
