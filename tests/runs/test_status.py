"""A heartbeat shows life, and a status is always whole."""

import time
from pathlib import Path

import pytest

from cfd_studio.protocol.events import JobState
from cfd_studio.runs import atomic
from cfd_studio.runs import status as module
from cfd_studio.runs.status import JobStatus, StatusWriter, read_status


def _until(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_the_heartbeat_grows_by_itself_and_stops_with_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.02)
    path = tmp_path / "status.json"
    writer = StatusWriter(path)
    beats = [read_status(path)]

    def beat() -> bool:
        beats.append(read_status(path))
        return beats[-1] is not None and beats[-1].heartbeat > beats[0].heartbeat + 3  # type: ignore[union-attr]

    _until(beat)
    seen = [status.heartbeat for status in beats if status]
    assert len(seen) == len(beats)  # never torn, never absent
    assert seen == sorted(seen)
    writer.close()
    last = read_status(path)
    time.sleep(0.1)
    assert read_status(path) == last


def test_changes_reach_the_disk_at_once_or_with_the_next_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    path = tmp_path / "status.json"
    writer = StatusWriter(path)
    writer.update(at_once=True, state=JobState.RUNNING, phase="training")
    status = read_status(path)
    assert status is not None
    assert (status.state, status.phase) == (JobState.RUNNING, "training")
    writer.update(step=7)
    assert writer.status.step == 7
    _until(lambda: (read_status(path) or JobStatus()).step == 7)
    writer.update(step=8, sentence="bye")
    writer.close()
    status = read_status(path)
    assert status is not None
    assert (status.step, status.sentence) == (8, "bye")


@pytest.mark.parametrize("content", [b"", b"{", b'{"state": "dreaming"}', b"\xff"])
def test_damage_reads_as_absence(tmp_path: Path, content: bytes) -> None:
    assert read_status(tmp_path / "status.json") is None
    (tmp_path / "status.json").write_bytes(content)
    assert read_status(tmp_path / "status.json") is None


@pytest.mark.parametrize("trouble", ["a full disk", "a folder that is gone"])
def test_a_status_that_cannot_be_written_disturbs_nobody_and_is_written_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.02)
    folder = tmp_path / "job"
    folder.mkdir()
    path = folder / "status.json"
    writer = StatusWriter(path)
    write, tries = atomic.write_bytes, []

    def full(path: Path, data: bytes) -> None:
        tries.append(data)
        raise OSError(28, "No space left on device")

    if trouble == "a full disk":
        monkeypatch.setattr(atomic, "write_bytes", full)
    else:
        folder.rename(tmp_path / "away")
    writer.update(at_once=True, state=JobState.RUNNING, step=1)
    writer.update(step=2, stage="teacher")
    if trouble == "a full disk":
        _until(lambda: len(tries) > 3)
        monkeypatch.setattr(atomic, "write_bytes", write)
    else:
        time.sleep(0.1)
        assert not folder.exists()
        (tmp_path / "away").rename(folder)
    _until(lambda: (read_status(path) or JobStatus()).step == 2)
    status = read_status(path)
    assert status is not None
    assert (status.state, status.stage) == (JobState.RUNNING, "teacher")
    monkeypatch.setattr(atomic, "write_bytes", full)
    writer.update(at_once=True, step=3)
    writer.close()


def test_a_job_on_a_full_disk_has_a_status_writer_all_the_same(tmp_path: Path) -> None:
    writer = StatusWriter(tmp_path / "nowhere" / "status.json")
    writer.update(at_once=True, step=3)
    writer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ['{"step": 1e999}', f'{{"step": 1{"0" * 400}}}', '{"step": -1}'])
def test_a_step_that_cannot_be_is_no_status(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    assert read_status(tmp_path / "status.json") is None
