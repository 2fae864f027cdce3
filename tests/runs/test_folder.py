"""Making and opening runs; every mistake is one sentence."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.config import FORMAT_VERSION, RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]
ABSENT = object()


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


def _set_version(run: RunFolder, file: str, version: object) -> None:
    raw = json.loads((run.path / file).read_bytes())
    raw.pop("format_version", None)
    if version is not ABSENT:
        raw["format_version"] = version
    (run.path / file).write_text(json.dumps(raw))


@pytest.mark.parametrize("files", [("config.json",), ("run.json",), ("config.json", "run.json")])
def test_a_run_of_a_newer_version_is_told_so(mini_run: MakeRun, files: tuple[str, ...]) -> None:
    run = mini_run()
    for file in files:
        _set_version(run, file, FORMAT_VERSION + 1)
    with pytest.raises(CfdError) as caught:
        run.config()
    assert str(caught.value) == (
        f"{run.path}: it was made by a newer version (format {FORMAT_VERSION + 1}, this one reads up to "
        f"{FORMAT_VERSION}). Update CFD Studio."
    )


@pytest.mark.parametrize("version", ["1", None, -1, 0, 1.0, True, [1], {"a": 1}, ABSENT])
@pytest.mark.parametrize("file", ["config.json", "run.json"])
def test_a_format_that_never_was_is_refused_in_one_sentence(mini_run: MakeRun, file: str, version: object) -> None:
    run = mini_run()
    _set_version(run, file, version)
    with pytest.raises(CfdError, match=rf"{file.replace('.', '[.]')} (names )?no format.* from a copy\.$"):
        run.config()


def test_two_files_that_disagree_about_the_format_are_refused(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    monkeypatch.setattr("cfd_studio.protocol.migration.FORMAT_VERSION", FORMAT_VERSION + 1)
    _set_version(run, "run.json", FORMAT_VERSION + 1)
    sentence = f"config.json names format {FORMAT_VERSION}, run.json format {FORMAT_VERSION + 1}. Both files"
    with pytest.raises(CfdError, match=sentence):
        run.config()


@pytest.mark.parametrize("failing", ["config.json", "run.json"])
def test_a_run_that_did_not_fit_on_the_disk_can_be_made_again_once_there_is_room(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch, failing: str, tmp_path: Path
) -> None:
    write = atomic.write_bytes

    def full(path: Path, data: bytes) -> None:
        if path.name == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_bytes", full)
        with pytest.raises(CfdError, match=r"cannot be written \(No space left on device\)\. Make room on the disk\."):
            mini_run()
    assert not list((tmp_path / "run").iterdir())
    assert mini_run().config()


def test_a_job_that_cannot_be_written_is_a_sentence(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mini_run()

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", read_only)
        with pytest.raises(CfdError, match=r"cannot be written \(Read-only file system\)\. Choose a folder"):
            run.new_job("train")
        with pytest.raises(CfdError, match="Read-only file system"):
            mini_run("another")
    assert run.jobs() == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("file", ["config.json", "run.json"])
@pytest.mark.parametrize("trap", ["pipe", "link", "folder"])
def test_what_is_no_plain_file_hangs_nobody_and_is_not_followed(mini_run: MakeRun, file: str, trap: str) -> None:
    run, other = mini_run(), mini_run("other")
    path = run.path / file
    path.unlink()
    match trap:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(other.path / file)
        case _:
            path.mkdir()
    with pytest.raises(CfdError, match="cannot be read"):
        run.config()


def test_a_link_to_a_job_of_another_run_is_no_job(mini_run: MakeRun) -> None:
    run, other = mini_run(), mini_run("other")
    (run.path / "jobs" / "0001-train").symlink_to(other.new_job("train").path)
    assert run.jobs() == []


def test_jobs_are_numbered_in_order_and_strangers_ignored(mini_run: MakeRun) -> None:
    run = mini_run()
    assert [run.new_job("train").number for _ in range(3)] == [1, 2, 3]
    (run.path / "jobs" / "0012-train").mkdir()
    (run.path / "jobs" / "notes").mkdir()
    (run.path / "jobs" / "0099-train").write_text("a file")
    assert run.new_job("evaluate").path.name == "0013-evaluate"
    assert [job.number for job in run.jobs()] == [1, 2, 3, 12]
    assert [job.number for job in run.evaluations()] == [13]  # which neither trains nor says how the run stands
    assert run.new_job("train").number == 14
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
