"""A disk that refuses: the job waits with everything in memory, or ends with a sentence; what was saved stays."""

import contextlib
import errno
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.engine import checkpoint, controls, stages, storage
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import Event, JobEnded, JobState, Logged, PhaseEntered
from cfd_studio.runs import atomic, inbox
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.runs.lease import current_holder
from cfd_studio.runs.status import JobStatus, read_status

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]
EventsOf = Callable[..., list[Event]]
Fingerprints = Callable[[RunFolder], dict[str, str]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(controls, "POLL_SECONDS", 0.005)


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "cfd-heartbeat"]


class _Disk:
    """Refuses to write some files, a number of times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.refusals = 0
        self.left = 0
        self.code = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def refuse(self, where: Any, name: str, code: int, times: int, part: str = "") -> None:
        """Let a function fail with an error number where its first argument names a file with ``part`` in it."""
        self.left, self.code = times, code
        write = getattr(where, name)

        def refused(first: Any, *args: Any, **kwargs: Any) -> Any:
            if self.left and part in str(first):
                self.left -= 1
                self.refusals += 1
                self.meanwhile()
                raise OSError(code, os.strerror(code), str(first))
            return write(first, *args, **kwargs)

        self._patch.setattr(where, name, refused)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> _Disk:
    return _Disk(monkeypatch)


def _judge_and_teacher(recipe: dict[str, Any]) -> dict[str, Any]:
    return {"stages": [recipe["stages"][0], recipe["stages"][2]]}


def _said(events: list[Event], level: str) -> list[str]:
    return [event.text for event in events if isinstance(event, Logged) and event.level == level]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EDQUOT, "make room on the disk"),
        (errno.EROFS, "make the run's folder writable again"),
        (errno.EACCES, "make the run's folder writable again"),
        (errno.EIO, "see that the disk is there"),
        (errno.ESTALE, "see that the disk is there"),
    ],
)
def test_a_checkpoint_that_the_disk_refuses_is_written_once_it_takes_it_and_nothing_is_lost(
    code: int,
    remedy: str,
    disk: _Disk,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    events_of: EventsOf,
    fingerprints: Fingerprints,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    seen: list[tuple[JobState, str, int]] = []

    def look() -> None:
        now = read_status(run.jobs()[0].status)
        assert now is not None
        seen.append((now.state, now.sentence, len(list(run.path.rglob(".partial-*")))))

    disk.meanwhile = look
    disk.refuse(checkpoint, "_write", code, times=3, part="state.pt")
    assert train(run).state is JobState.FINISHED
    assert disk.refusals == 3
    expected = (
        f"The checkpoint of step 5 of stage 'judge' cannot be written ({os.strerror(code)}). The job waits with "
        f"everything in memory and goes on by itself once it can: {remedy}."
    )
    # One partial folder while it is being written, none of the attempt before.
    assert seen == [(JobState.RUNNING, "", 1), (JobState.PAUSED, expected, 1), (JobState.PAUSED, expected, 1)]
    assert _said(events_of(run), "warning") == [expected]
    phases = [event.phase for event in events_of(run) if isinstance(event, PhaseEntered)]
    at = phases.index("waiting for the disk")
    assert phases[at - 2 : at + 3] == ["training", "saving", "waiting for the disk", "saving", "training"]
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]
    assert not list(run.path.rglob(".partial-*"))
    assert not (run.path / ".reserve").exists()


@pytest.mark.parametrize(
    ("where", "name", "part", "what"),
    [
        (stages, "save_weights", "", "The weights of stage 'judge'"),
        (stages, "write_strip", "", "The strip of stage 'teacher'"),
        (atomic, "write_bytes", "quality.json", "The quality of stage 'judge'"),
        (JournalWriter, "write", "", "The journal"),
    ],
)
def test_everything_that_a_run_must_hold_is_waited_for(
    where: Any,
    name: str,
    part: str,
    what: str,
    disk: _Disk,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    events_of: EventsOf,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = mini_run(**(_judge_and_teacher(mini_recipe) if "teacher" in what else {"stages": mini_recipe["stages"][:1]}))
    step = Trainer.step

    def from_step_three(trainer: Trainer) -> None:
        if trainer.state.step == 3 and not disk.refusals and not disk.left:
            disk.refuse(where, name, errno.ENOSPC, times=4, part=part)
        step(trainer)

    monkeypatch.setattr(Trainer, "step", from_step_three)
    assert train(run).state is JobState.FINISHED
    assert disk.refusals == 4
    events = events_of(run)
    assert [line.startswith(what) for line in _said(events, "warning")] == [True]
    lines = run.jobs()[0].journal.read_bytes().splitlines()
    assert len(lines) == len(set(lines)) == len(events)
    assert fingerprints(run).items() <= fingerprints(trained_run).items()
    assert len(fingerprints(run)) == len(run.config().stages)


def test_neither_the_heartbeat_nor_the_plain_log_stops_a_job(
    disk: _Disk,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    disk.refuse(atomic, "write_bytes", errno.EIO, times=1000, part="status.json")
    monkeypatch.setattr(JobFolder, "log", property(lambda job: job.path / "nowhere" / "log.txt"))
    assert train(run).state is JobState.FINISHED


@pytest.mark.parametrize("verb", [Verb.STOP_KEEP, Verb.STOP_DISCARD])
def test_a_job_that_waits_for_the_disk_can_be_stopped_and_says_what_was_not_saved(
    verb: Verb,
    disk: _Disk,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])

    def stop() -> None:
        if run.jobs() and disk.refusals == 3:
            inbox.drop(run.jobs()[0].inbox, Command(verb=verb))

    disk.meanwhile = stop
    disk.refuse(checkpoint, "_write", errno.ENOSPC, times=1000, part="state.pt")
    ended = train(run)
    disk.left = 0
    assert ended.state is JobState.STOPPED
    assert ended.exit_code == 1
    assert ended.sentence == (
        "Stopped without saving, for the checkpoint of step 5 of stage 'judge' cannot be written (No space left on "
        "device); the run goes on from the start of stage 'judge'."
    )
    assert current_holder(run) is None
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]


def test_stop_and_keep_saves_where_the_disk_takes_it_again_at_that_very_moment(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])

    def stop() -> None:
        inbox.drop(run.jobs()[0].inbox, Command(verb=Verb.STOP_KEEP))
        disk.left = 0

    disk.meanwhile = stop
    disk.refuse(checkpoint, "_write", errno.ENOSPC, times=2, part="state.pt")
    ended = train(run)
    assert ended.sentence == "Stopped and saved; the run goes on from step 5 of stage 'judge'."


def test_a_wish_to_go_on_is_a_wish_to_try_at_once(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "RETRY_SECONDS", 1000.0)
    run = mini_run(stages=mini_recipe["stages"][:1])
    disk.meanwhile = lambda: inbox.drop(run.jobs()[0].inbox, Command(verb=Verb.RESUME))
    disk.refuse(checkpoint, "_write", errno.ENOSPC, times=2, part="state.pt")
    assert train(run).state is JobState.FINISHED


def test_a_command_reaches_a_job_of_this_process_whose_disk_takes_none(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    disk.meanwhile = lambda: controls.listening(run.path).hand(Command(verb=Verb.STOP_DISCARD))  # type: ignore[union-attr]
    disk.refuse(checkpoint, "_write", errno.EROFS, times=1000, part="state.pt")
    assert train(run).state is JobState.STOPPED
    assert controls.listening(run.path) is None


def test_a_file_that_may_not_grow_so_large_ends_the_job_with_a_sentence(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    disk.refuse(checkpoint, "_write", errno.EFBIG, times=1, part="state.pt")
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert ended.exit_code == 1
    assert ended.sentence == (
        "the checkpoint of step 5 of stage 'judge' cannot be written (File too large). Allow larger files "
        "(ulimit -f), and try again."
    )
    assert ended.details is None
    assert checkpoints(run.stage("judge")) == []
    assert not list(run.path.rglob(".partial-*"))


@pytest.mark.parametrize("moved", [False, True])
def test_a_folder_that_vanishes_under_a_job_ends_it_and_is_not_made_again(
    moved: bool,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    step = Trainer.step

    def vanish(trainer: Trainer) -> None:
        if trainer.state.step == 7:
            if moved:
                run.path.rename(tmp_path / "elsewhere")
            else:
                shutil.rmtree(run.path)
        step(trainer)

    monkeypatch.setattr(Trainer, "step", vanish)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert ended.exit_code == 1
    # Whichever looks first: the next poll, or the next checkpoint.
    assert "the folder of the job is gone" in ended.sentence or "was deleted or moved" in ended.sentence
    assert ended.details is None
    assert not run.path.exists()
    if moved:
        there = RunFolder(tmp_path / "elsewhere")
        monkeypatch.setattr(Trainer, "step", step)
        assert [checkpoint_step(saved) for saved in checkpoints(there.stage("judge"))] == [5]
        assert train(there).state is JobState.FINISHED
        assert fingerprints(there)["judge"] == fingerprints(trained_run)["judge"]


def test_a_journal_that_cannot_be_written_at_the_end_does_not_hide_what_ended_the_job(
    mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])

    def fail(*_: Any) -> None:
        def refuse(*_: Any) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(JournalWriter, "write", refuse)
        monkeypatch.setattr(JournalWriter, "__init__", refuse)
        monkeypatch.setattr(atomic, "write_bytes", refuse)
        raise MemoryError

    monkeypatch.setattr(TrainingState, "capture", fail)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert "not enough memory on cpu while saving the checkpoint of step 5" in ended.sentence


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize(("where", "name"), [(RunFolder, "new_job"), (Reporter, "__init__")])
def test_a_job_whose_folder_cannot_be_made_is_one_sentence_and_the_lease_is_given_back(
    where: Any,
    name: str,
    code: int,
    disk: _Disk,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    train: Train,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    disk.refuse(where, name, code, times=1)
    with pytest.raises(CfdError, match=os.strerror(code)) as caught:
        train(run)
    assert caught.value.exit_code == 1
    assert current_holder(run) is None
    assert train(run).state is JobState.FINISHED


def test_a_folder_that_may_not_be_read_is_no_damaged_checkpoint(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train, command_at: Callable[..., Any]
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    command_at("judge", 7, Verb.STOP_KEEP)
    train(run)
    disk.refuse(checkpoint, "read_bounded", errno.EIO, times=1, part="state.pt")
    ended = train(run)
    assert "Input/output error" in ended.sentence
    assert "Delete" not in ended.sentence
    assert train(run).state is JobState.FINISHED


def _wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _until_it_waits(run: RunFolder, train: Train) -> tuple["queue.SimpleQueue[JobEnded]", JobStatus]:
    """Train in a thread, and return what will hold its end, and the status in which it waits."""
    ended: queue.SimpleQueue[JobEnded] = queue.SimpleQueue()
    threading.Thread(target=lambda: ended.put(train(run))).start()
    seen: list[JobStatus] = []

    def waits() -> bool:
        assert ended.empty()
        seen.extend(filter(None, [read_status(run.jobs()[0].status) if run.jobs() else None]))
        return bool(seen) and seen[-1].state is JobState.PAUSED

    _wait_until(waits)
    return ended, seen[-1]


def _mount(*arguments: str | Path) -> None:
    if subprocess.run(["mount", *arguments], capture_output=True).returncode:
        pytest.skip("this user may mount nothing")


@contextlib.contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(not shutil.which("mount"), reason="no mount here")
@pytest.mark.parametrize("room", [300_000, 0])
def test_a_really_full_disk_is_told_waited_for_and_costs_nothing(
    room: int,
    tmp_path: Path,
    mini_config: Callable[..., Any],
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    events_of: EventsOf,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With some room a checkpoint does not fit, but a sentence does; with none, the reserve makes room for it.
    with _small_disk(tmp_path / "disk", "4m"):
        run = RunFolder.create(tmp_path / "disk" / "run", mini_config(**_judge_and_teacher(mini_recipe)))
        filler = tmp_path / "disk" / "others"
        step = Trainer.step

        def fill(trainer: Trainer) -> Any:
            if (trainer.stage.id, trainer.state.step) == ("teacher", 3):
                with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
                    while True:
                        stream.write(bytes(4096))
                os.truncate(filler, filler.stat().st_size - room)
            return step(trainer)

        monkeypatch.setattr(Trainer, "step", fill)
        ended, now = _until_it_waits(run, train)
        assert "cannot be written (No space left on device)" in now.sentence
        _wait_until(lambda: _said(events_of(run), "warning") == [now.sentence])
        filler.unlink()
        assert ended.get(timeout=60).state is JobState.FINISHED
        whole = fingerprints(trained_run)
        assert fingerprints(run) == {stage: whole[stage] for stage in ("judge", "teacher")}
        lines = run.jobs()[0].journal.read_bytes().splitlines()
        assert len(lines) == len(set(lines)) == len(events_of(run))


@pytest.mark.skipif(not shutil.which("mount"), reason="no mount here")
def test_a_medium_that_really_becomes_read_only_is_waited_for(
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    saved = run.path / "stages"
    _mount("--bind", saved, saved)
    try:
        step = Trainer.step

        def become_read_only(trainer: Trainer) -> Any:
            if trainer.state.step == 7:
                _mount("-o", "remount,bind,ro", saved)
            return step(trainer)

        monkeypatch.setattr(Trainer, "step", become_read_only)
        ended, now = _until_it_waits(run, train)
        assert now.sentence.startswith(
            "The checkpoint of step 10 of stage 'judge' cannot be written (Read-only file system). The job waits"
        )
        assert [checkpoint_step(one) for one in checkpoints(run.stage("judge"))] == [5]
        _mount("-o", "remount,bind,rw", saved)
        assert ended.get(timeout=60).state is JobState.FINISHED
    finally:
        subprocess.run(["umount", "-l", saved], check=True)
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]


def test_a_reserve_that_leads_elsewhere_is_refused_and_nothing_is_written_there(
    mini_run: MakeRun, train: Train, tmp_path: Path
) -> None:
    run = mini_run()
    (run.path / ".reserve").symlink_to(tmp_path / "victim")
    with pytest.raises(CfdError, match="is a link"):
        train(run)
    assert not (tmp_path / "victim").exists()


def test_a_run_whose_lease_could_not_be_given_back_can_be_resumed_in_the_same_process(
    mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "lease.json":
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        assert train(run).state is JobState.FINISHED
    assert current_holder(run) is not None
    assert run_state(run)[0] == "finished"
    assert train(run).state is JobState.FINISHED
    assert current_holder(run) is None


def test_one_stop_is_enough_also_where_a_wish_to_save_waits_for_the_disk(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train, command_at: Callable[..., Any]
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    command_at("judge", 2, Verb.SAVE)
    stops = iter([Command(verb=Verb.STOP_KEEP)])
    disk.meanwhile = lambda: [inbox.drop(run.jobs()[0].inbox, stop) for stop in stops] or None
    disk.refuse(checkpoint, "_write", errno.ENOSPC, times=1000, part="state.pt")
    ended = train(run)
    assert ended.state is JobState.STOPPED
    assert ended.sentence.startswith("Stopped without saving, for the checkpoint of step 2")


def test_what_the_folder_cannot_take_is_noticed_past_it(
    disk: _Disk, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    seen: list[str] = []

    def look() -> None:
        listening = controls.listening(run.path)
        assert listening is not None
        seen.append(listening.notice)
        if len(seen) == 6:
            listening.hand(Command(verb=Verb.STOP_DISCARD))

    disk.meanwhile = look
    disk.refuse(JournalWriter, "write", errno.EROFS, times=1000)
    assert train(run).state is JobState.STOPPED
    assert any("(Read-only file system). The job waits with everything in memory" in notice for notice in seen), seen
