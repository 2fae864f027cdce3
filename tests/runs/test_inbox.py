"""Commands arrive in order, once, and nothing that lies in an inbox harms a job."""

import os
import time
from pathlib import Path

import pytest

from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import inbox


def test_commands_are_taken_once_in_the_order_they_were_dropped(tmp_path: Path) -> None:
    verbs = [Verb.PAUSE, Verb.SAVE, Verb.RESUME, Verb.STOP_KEEP, Verb.SAVE, Verb.STOP_DISCARD]
    dropped = [Command(verb=verb) for verb in verbs]
    for command in dropped:
        inbox.drop(tmp_path, command)
    listener = inbox.Inbox(tmp_path)
    assert listener.take() == (dropped, [])
    assert listener.take() == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_jumps_back_lets_no_later_command_overtake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = [Command(verb=Verb.PAUSE) for _ in range(5)]
    for command, clock in zip(dropped, (5_000, 9_000, 10, 10, 7_000), strict=True):
        monkeypatch.setattr(time, "time_ns", lambda now=clock: now)
        inbox.drop(tmp_path, command)
    assert inbox.Inbox(tmp_path).take() == (dropped, [])


@pytest.mark.parametrize("digits", [20, 21, 40, 150])
def test_a_file_from_the_far_future_lets_no_later_command_overtake(tmp_path: Path, digits: int) -> None:
    (tmp_path / f"{'9' * digits}-x.json").write_text("{}")
    dropped = [Command(verb=Verb.PAUSE) for _ in range(3)]
    for command in dropped:
        inbox.drop(tmp_path, command)
    assert inbox.Inbox(tmp_path).take()[0] == dropped


def test_a_missing_inbox_is_an_empty_one(tmp_path: Path) -> None:
    assert inbox.Inbox(tmp_path / "nowhere").take() == ([], [])


@pytest.mark.parametrize(
    "content", [b"", b"rm -rf /", b'{"verb": "explode"}', b'{"verb": "pause", "force": 1}', b"x" * 5000, b"\xff"]
)
def test_a_stranger_is_named_and_removed_and_the_others_are_heard(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0-stranger.json").write_bytes(content)
    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    assert inbox.Inbox(tmp_path).take() == ([command], ["0-stranger.json"])
    assert list(tmp_path.iterdir()) == []


def test_half_written_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".partial-1-x.json").write_bytes(b'{"verb": "pa')
    (tmp_path / "README.txt").write_text("hello")
    assert inbox.Inbox(tmp_path).take() == ([], [])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    target = tmp_path / "target.json"
    target.write_text(Command(verb=Verb.STOP_DISCARD).model_dump_json())
    (tmp_path / "in" / "link.json").symlink_to(target)
    assert inbox.Inbox(tmp_path / "in").take() == ([], ["link.json"])
    assert target.exists()
    assert not (tmp_path / "in" / "link.json").is_symlink()


def test_a_folder_named_like_a_command_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "0.json").mkdir()
    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    assert inbox.Inbox(tmp_path).take()[0] == [command]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.timeout(20)
def test_a_pipe_named_like_a_command_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.json")
    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    assert inbox.Inbox(tmp_path).take()[0] == [command]


def test_an_inbox_that_is_a_link_is_neither_read_nor_written_to(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    outside = tmp_path / "outside" / "0-x.json"
    outside.write_text(Command(verb=Verb.STOP_DISCARD).model_dump_json())
    (tmp_path / "in").symlink_to(tmp_path / "outside")
    assert inbox.Inbox(tmp_path / "in").take() == ([], [])
    with pytest.raises(CfdError, match="is a link"):
        inbox.drop(tmp_path / "in", Command(verb=Verb.PAUSE))
    assert list((tmp_path / "outside").iterdir()) == [outside]


def test_what_cannot_be_removed_is_heard_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    (tmp_path / "0-stranger.json").write_text("{")
    monkeypatch.setattr(Path, "unlink", refuse)
    listener = inbox.Inbox(tmp_path)
    assert listener.take() == ([command], ["0-stranger.json"])
    assert listener.take() == ([], [])


@pytest.mark.parametrize("name", ["{}.txt", "{}.json", "{}.json/"])
def test_a_flood_of_files_costs_a_job_little_and_hides_no_command(tmp_path: Path, name: str) -> None:
    files = 5000
    for number in range(files):
        if name.endswith("/"):
            (tmp_path / name.format(number)).mkdir()
        else:
            (tmp_path / name.format(number)).touch()
    command = Command(verb=Verb.STOP_KEEP)
    inbox.drop(tmp_path, command)
    listener = inbox.Inbox(tmp_path)
    looked: list[float] = []
    heard: list[Command] = []
    while not heard:
        began = time.thread_time()
        heard, strangers = listener.take()
        looked.append(time.thread_time() - began)
        assert len(strangers) <= inbox.TAKEN_AT_ONCE
        assert len(looked) <= 1 + files // inbox.TAKEN_AT_ONCE
    assert heard == [command]
    for _ in range(20):
        began = time.thread_time()
        listener.take()
        looked.append(time.thread_time() - began)
    # A listing may take its time, most looks may not.
    assert sum(looked) / len(looked) < 0.02
