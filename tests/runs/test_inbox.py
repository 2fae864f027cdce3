"""Commands arrive in order, once, and nothing that lies in an inbox harms a job."""

import os
from pathlib import Path

import pytest

from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.runs import inbox


def test_commands_are_taken_once_in_the_order_they_were_dropped(tmp_path: Path) -> None:
    verbs = [Verb.PAUSE, Verb.SAVE, Verb.RESUME, Verb.STOP_KEEP, Verb.SAVE, Verb.STOP_DISCARD]
    dropped = [Command(verb=verb) for verb in verbs]
    for command in dropped:
        inbox.drop(tmp_path, command)
    assert inbox.take(tmp_path) == (dropped, [])
    assert inbox.take(tmp_path) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_inbox_is_an_empty_one(tmp_path: Path) -> None:
    assert inbox.take(tmp_path / "nowhere") == ([], [])


@pytest.mark.parametrize(
    "content", [b"", b"rm -rf /", b'{"verb": "explode"}', b'{"verb": "pause", "force": 1}', b"x" * 5000, b"\xff"]
)
def test_a_stranger_is_named_and_removed_and_the_others_are_heard(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0-stranger.json").write_bytes(content)
    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    assert inbox.take(tmp_path) == ([command], ["0-stranger.json"])
    assert list(tmp_path.iterdir()) == []


def test_half_written_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".partial-1-x.json").write_bytes(b'{"verb": "pa')
    (tmp_path / "README.txt").write_text("hello")
    assert inbox.take(tmp_path) == ([], [])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    target = tmp_path / "target.json"
    target.write_text(Command(verb=Verb.STOP_DISCARD).model_dump_json())
    (tmp_path / "in" / "link.json").symlink_to(target)
    assert inbox.take(tmp_path / "in") == ([], ["link.json"])
    assert target.exists()
    assert not (tmp_path / "in" / "link.json").is_symlink()


def test_a_folder_named_like_a_command_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "0.json").mkdir()
    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    assert inbox.take(tmp_path)[0] == [command]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.timeout(20)
def test_a_pipe_named_like_a_command_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.json")
    command = Command(verb=Verb.PAUSE)
    inbox.drop(tmp_path, command)
    assert inbox.take(tmp_path)[0] == [command]
