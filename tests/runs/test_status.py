"""A heartbeat shows life, and a status is always whole."""

import time
from pathlib import Path

import pytest

from cfd_studio.protocol.events import JobState
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
