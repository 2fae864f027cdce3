"""The list of runs, each in a line, also the broken ones."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.events import JobState
from cfd_studio.runs import atomic
from cfd_studio.runs.catalog import RunReader, list_runs, run_state, summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.runs.pulse import STALE_SECONDS, Pulse
from cfd_studio.runs.status import JobStatus

MakeRun = Callable[..., RunFolder]


def _job(run: RunFolder, state: JobState, sentence: str = "") -> None:
    job = run.new_job("train")
    atomic.write_bytes(job.status, JobStatus(state=state, sentence=sentence).model_dump_json().encode())


def test_a_run_without_a_job_is_new(mini_run: MakeRun) -> None:
    run = mini_run()
    summary = summarize(run.path)
    assert (summary.state, summary.name, summary.stages_done, summary.stages) == ("new", "Miniature", 0, 6)
    assert run_state(run)[0] not in ("starting", "running")


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.STOPPED, JobState.FAILED])
def test_a_run_whose_job_ended_says_how(mini_run: MakeRun, state: JobState) -> None:
    run = mini_run()
    _job(run, state, "This is why.")
    summary = summarize(run.path)
    assert (summary.state, summary.sentence) == (state.value, "This is why.")
    assert run_state(run)[0] not in ("starting", "running")


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, JobState.PAUSED, JobState.STOPPING])
def test_a_job_at_work_is_told_from_one_that_died_without_a_word(mini_run: MakeRun, state: JobState) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    _job(run, state)
    assert summarize(run.path).state == state.value
    assert run_state(run)[0] == state.value
    gone = lease.holder.model_copy(update={"process_started": 1.0, "boot_id": ""})  # the pid is somebody else's by now
    atomic.write_bytes(run.path / "lease.json", gone.model_dump_json().encode())
    assert summarize(run.path).state == "lost"
    assert run_state(run)[0] not in ("starting", "running")
    (run.path / "lease.json").unlink()
    assert summarize(run.path).state == "lost"


def test_a_job_that_died_before_its_first_status_is_lost(mini_run: MakeRun) -> None:
    run = mini_run()
    run.new_job("train")
    assert summarize(run.path).state == "lost"


def test_only_the_newest_job_counts(mini_run: MakeRun) -> None:
    run = mini_run()
    _job(run, JobState.FAILED)
    _job(run, JobState.FINISHED)
    assert summarize(run.path).state == "finished"


def test_the_list_is_newest_first_and_bears_with_everything(mini_run: MakeRun, tmp_path: Path) -> None:
    for age, name in ((300, "old"), (200, "middle"), (100, "new")):
        run = mini_run(name)
        for entry in ("run.json", "jobs"):
            os.utime(run.path / entry, (1e9 - age, 1e9 - age))
    (tmp_path / "no-run").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "middle" / "config.json").write_text("{")
    assert [(run.path.name, run.state) for run in list_runs(tmp_path)] == [
        ("new", "new"),
        ("old", "new"),
        ("middle", "unreadable"),
    ]
    assert "config.json" in list_runs(tmp_path)[-1].sentence
    assert list_runs(tmp_path / "nowhere") == []


def test_a_folder_that_may_not_be_entered_hides_no_other_run(
    mini_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini_run("mine")
    (tmp_path / "theirs").mkdir()
    is_file = Path.is_file

    def guarded(path: Path) -> bool:  # root may enter everything, so the refusal is played
        if path.parent.name == "theirs":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", guarded)
    assert [run.path.name for run in list_runs(tmp_path)] == ["mine"]


def test_a_trained_run_counts_its_stages(trained_run: RunFolder) -> None:
    summary = summarize(trained_run.path)
    assert (summary.state, summary.stages_done, summary.stages) == ("finished", 6, 6)
    trained_run.weights("pd-2").unlink()
    assert summarize(trained_run.path).stages_done == 5


def test_a_job_that_has_written_no_status_yet_is_starting_and_not_lost(mini_run: MakeRun) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    run.new_job("train")
    assert run_state(run) == ("starting", None)
    assert summarize(run.path).state == "starting"
    lease.release()
    assert run_state(run) == ("lost", None)


def test_a_holder_on_another_host_is_lost_once_its_heart_stands_still(mini_run: MakeRun) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    _job(run, JobState.RUNNING)
    far = lease.holder.model_copy(update={"host": "another-host"})
    atomic.write_bytes(run.path / "lease.json", far.model_dump_json().encode())
    now = 0.0
    pulse = Pulse(lambda: now)

    def look_until(moment: float) -> str:
        nonlocal now
        while now < moment:
            now = min(now + 2, moment)
            state, _ = run_state(run, pulse)
        return state

    assert run_state(run, pulse)[0] == "running"
    assert look_until(STALE_SECONDS - 1) == "running"
    status = JobStatus(state=JobState.RUNNING, heartbeat=7)
    atomic.write_bytes(run.jobs()[-1].status, status.model_dump_json().encode())
    assert look_until(2 * STALE_SECONDS - 2) == "running"
    assert look_until(4 * STALE_SECONDS) == "lost"


def test_a_lease_that_cannot_be_read_is_somebodys(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mini_run()
    _job(run, JobState.RUNNING)
    assert run_state(run)[0] == "lost"

    def refused(_: RunFolder) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cfd_studio.runs.catalog.read_lease", refused)
    assert run_state(run)[0] == "running"


def test_signs_of_life_and_a_clock_set_back_reorder_nothing(mini_run: MakeRun, tmp_path: Path) -> None:
    first, second = mini_run("first"), mini_run("second")
    leases = [Lease.acquire(run) for run in (first, second)]
    for day, run in enumerate((first, second)):
        _job(run, JobState.RUNNING)
        for entry in ("run.json", "jobs"):
            os.utime(run.path / entry, (1e9 + day, 1e9 + day))
        os.utime(run.jobs()[-1].path, (1e9 + day, 1e9 + day))
    # Each heartbeat renames a file in the job's folder, and with it the folder's time goes on, or back.
    for moment in (1e9 + 900, 1e9 - 900, 1e9 + 1e6):
        os.utime(first.jobs()[-1].path, (moment, moment))
        listed = list_runs(tmp_path)
        assert [run.path.name for run in listed] == ["second", "first"]
    assert listed[1].changed == 1e9 + 1e6
    assert all(lease.check() is None for lease in leases)


@pytest.mark.parametrize("gone", ["jobs", "stages"])
def test_a_run_without_its_empty_folders_is_listed(mini_run: MakeRun, gone: str) -> None:
    run = mini_run()
    (run.path / gone).rmdir()
    assert summarize(run.path).state == "new"


def test_the_best_figure_names_its_space_and_the_newest_strip_is_found(trained_run: RunFolder) -> None:
    summary = summarize(trained_run.path)
    headlines = {
        stage.id: quality.headline.value("judge")
        for stage in trained_run.config().diffusion_stages()
        if (quality := trained_run.quality(stage.id)) and quality.headline
    }
    assert summary.best is not None
    assert (summary.best.value, summary.best.space) == (min(value for value in headlines.values() if value), "judge")
    assert {model.id: model.standing.value for model in summary.models if model.standing} == headlines
    assert summary.strip is not None
    assert summary.strip.parent.parent.parent == trained_run.path / "stages"


def test_a_reader_reads_again_what_was_replaced_and_nothing_else(
    trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    config = RunFolder.config
    monkeypatch.setattr(RunFolder, "config", lambda run: read.append(run.path) or config(run))
    reader = RunReader(trained_run.path)
    first = reader.read()
    reader.read()
    looked = len(read)
    assert reader.read() == first
    assert len(read) == looked
    quality = trained_run.quality("teacher")
    assert quality is not None
    assert quality.headline is not None
    figures = tuple(one.model_copy(update={"value": 0.001}) for one in quality.headline.figures)
    headline = quality.headline.model_copy(update={"figures": figures})
    trained_run.write_quality(quality.model_copy(update={"judgements": (headline,)}))
    best = reader.read().best
    assert best is not None
    assert best.value == 0.001
    trained_run.weights("pd-2").unlink()
    assert reader.read().stages_done == 5


def test_progress_counts_the_stage_in_work_until_it_is_trained(mini_run: MakeRun, trained_run: RunFolder) -> None:
    run = mini_run()
    job = run.new_job("train")
    status = JobStatus(state=JobState.STOPPED, stage="judge", step=6, total_steps=12)
    atomic.write_bytes(job.status, status.model_dump_json().encode())
    assert summarize(run.path).progress == 0.5 / 6
    assert summarize(trained_run.path).progress == 1.0
