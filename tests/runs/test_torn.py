"""Any file of a run, cut at any byte: the run opens, or is refused in one sentence; it never tells what is not so."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs.catalog import list_runs, summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease, current_holder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status

Told = Callable[[Any], dict[str, Any]]
FILES = [
    "config.json",
    "run.json",
    "lease.json",
    ".lease.epoch",
    "jobs/0001-train/job.json",
    "jobs/0001-train/request.json",
    "jobs/0001-train/status.json",
    "jobs/0001-train/log.txt",
    "stages/judge/quality.json",
    "stages/cfd-2/quality.json",
]
ELSEWHERE = {  # the journal in test_replay, the others beside the code that writes them
    "events.jsonl",
    "weights.safetensors",
    "state.pt",
    "manifest.json",
    ".png",
    ".lease.lock",
}


@pytest.fixture
def held_run(trained_run: RunFolder) -> RunFolder:
    """Return a trained run whose lease is still there, as after a kill on another host."""
    holder = Lease.acquire(trained_run).holder.model_copy(update={"host": "another-host", "epoch": 1234})
    (trained_run.path / "lease.json").write_text(holder.model_dump_json(indent=2))
    (trained_run.path / ".lease.epoch").write_text("1234\n")
    return trained_run


@pytest.fixture(params=[pytest.param("some"), pytest.param("all", marks=pytest.mark.slow)])
def every(request: pytest.FixtureRequest) -> Callable[[int], list[int]]:
    """Return a function that gives the cuts of a file of so many bytes: those that matter most, or all."""
    if request.param == "all":
        return lambda size: list(range(size))
    return lambda size: sorted({*range(0, size, max(1, size // 25)), *range(max(0, size - 6), size)})


def _see(run: RunFolder, told: Told) -> dict[str, Any]:
    """Return all that a reader can learn of a run, file by file."""
    folder = RunFolder.open(run.path)
    config = folder.config()
    mirror = RunMirror(folder, config)
    mirror.refresh()
    job = folder.jobs()[0]
    return {
        "config": config,
        "plan": job.read_plan(),
        "request": job.read_request(),
        "status": read_status(job.status),
        "holder": current_holder(folder),
        "judge": folder.quality("judge"),
        "cfd-2": folder.quality("cfd-2"),
        "mirror": told(mirror),
    }


def test_every_file_of_a_run_is_cut_here_or_elsewhere(held_run: RunFolder) -> None:
    files = [str(path.relative_to(held_run.path)) for path in held_run.path.rglob("*") if path.is_file()]
    strangers = [file for file in files if file not in FILES and not any(file.endswith(name) for name in ELSEWHERE)]
    assert [file for file in strangers if not file.endswith("/quality.json")] == []
    assert set(FILES) <= set(files)


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_anywhere_is_refused_or_absent_and_never_misread(
    held_run: RunFolder, told: Told, file: str, every: Callable[[int], list[int]]
) -> None:
    path = held_run.path / file
    whole = path.read_bytes()
    expected = _see(held_run, told)
    for cut in every(len(whole)):
        path.write_bytes(whole[:cut])
        summary = summarize(held_run.path)
        if file in ("config.json", "run.json"):
            with pytest.raises(CfdError, match=r"^[^\n]+$") as caught:
                _see(held_run, told)
            assert str(caught.value).startswith(str(held_run.path))
            assert (summary.state, summary.sentence) == ("unreadable", str(caught.value))
            continue
        seen = _see(held_run, told)
        assert summary.name == expected["config"].name
        for what, value in seen.items():
            assert value in (None, expected[what]), (cut, what)


@pytest.mark.parametrize("file", ["lease.json", ".lease.epoch"])
def test_a_lease_cut_anywhere_is_taken_over_with_a_higher_epoch(held_run: RunFolder, file: str) -> None:
    path = held_run.path / file
    whole = path.read_bytes()
    lease = (held_run.path / "lease.json").read_bytes()
    for cut in range(0, len(whole), max(1, len(whole) // 10)):
        (held_run.path / "lease.json").write_bytes(lease)
        (held_run.path / ".lease.epoch").write_text("1234\n")
        path.write_bytes(whole[:cut])
        taken = Lease.acquire(held_run, patience=0.01)
        assert taken.holder.epoch == 1235
        taken.release()


def test_a_finished_run_whose_status_was_cut_is_shown_as_lost_and_its_stages_as_done(
    trained_run: RunFolder, tmp_path: Path
) -> None:
    status = trained_run.jobs()[0].status
    status.write_bytes(status.read_bytes()[:-1])
    (summary,) = list_runs(tmp_path)
    assert (summary.state, summary.stages_done) == ("lost", 6)
    mirror = RunMirror(trained_run)
    mirror.refresh()
    assert mirror.ended is not None
    assert mirror.ended.state is JobState.FINISHED


def test_a_run_whose_folders_vanish_one_by_one_is_listed_or_refused(held_run: RunFolder, tmp_path: Path) -> None:
    for folder in ("jobs/0001-train/inbox", "jobs/0001-train", "stages/judge", "jobs", "stages"):
        shutil.rmtree(held_run.path / folder)
        RunMirror(RunFolder.open(held_run.path)).refresh()
        assert summarize(held_run.path).state in ("lost", "finished", "new")
    shutil.rmtree(held_run.path)
    assert list_runs(tmp_path) == []
    with pytest.raises(CfdError, match="there is no such folder"):
        RunFolder.open(held_run.path)
