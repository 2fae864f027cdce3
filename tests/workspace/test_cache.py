"""What may be computed again: kept with its digest, and as good as none where it is not what was written."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.workspace import cache
from cfd_studio.workspace.reel import Reel

KEY, OTHER = "a" * 64, "b" * 64


def test_what_was_kept_is_recalled_and_nothing_else(tmp_path: Path) -> None:
    assert cache.recall(tmp_path / "none", KEY) is None
    cache.keep(tmp_path / "some", KEY, b"features")
    assert cache.recall(tmp_path / "some", KEY) == b"features"
    assert cache.recall(tmp_path / "some", OTHER) is None


def test_a_damaged_file_a_link_and_a_folder_are_as_good_as_none(tmp_path: Path) -> None:
    cache.keep(tmp_path, KEY, b"features")
    whole = (tmp_path / KEY).read_bytes()
    for damaged in (b"", whole[:-1], whole[:10], whole[:-1] + b"?", whole + b"\0"):
        (tmp_path / KEY).write_bytes(damaged)
        assert cache.recall(tmp_path, KEY) is None
    (tmp_path / "elsewhere").write_bytes(whole)
    (tmp_path / KEY).unlink()
    (tmp_path / KEY).symlink_to(tmp_path / "elsewhere")
    assert cache.recall(tmp_path, KEY) is None
    (tmp_path / OTHER).mkdir()
    assert cache.recall(tmp_path, OTHER) is None


def test_what_was_longest_unused_makes_room(tmp_path: Path) -> None:
    for age, name in enumerate(("0", "1", "2", "3")):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, ns=(age, age))
    cache.prune(tmp_path, "0", 1000, 3)
    assert {path.name for path in tmp_path.iterdir()} == {"0", "2", "3"}
    cache.prune(tmp_path, "0", 20)
    assert {path.name for path in tmp_path.iterdir()} == {"0", "3"}


def _pieces(reel: Reel) -> list[bytes]:
    found = []
    while (piece := reel.read(100)) is not None:
        found.append(piece)
    return found


def test_a_reel_goes_on_behind_its_last_whole_piece(tmp_path: Path) -> None:
    reel = Reel(tmp_path, KEY)
    for piece in (b"one", b"two", b"three"):
        reel.append(piece)
    reel.close()
    with reel.path.open("r+b") as file:
        file.truncate(reel.path.stat().st_size - 1)  # killed while it wrote
    again = Reel(tmp_path, KEY)
    assert _pieces(again) == [b"one", b"two"]
    again.append(b"four")
    again.close()
    last = Reel(tmp_path, KEY)
    assert _pieces(last) == [b"one", b"two", b"four"]
    last.remove()
    assert list(tmp_path.iterdir()) == []


@given(st.data())
def test_no_damage_makes_a_reel_say_what_was_not_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("reel")
    pieces = data.draw(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5))
    reel = Reel(folder, KEY)
    for piece in pieces:
        reel.append(piece)
    reel.close()
    content = bytearray(reel.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    reel.path.write_bytes(content)
    again = Reel(folder, KEY)
    found = _pieces(again)
    again.close()
    assert found == pieces[: len(found)]
    assert len(found) < len(pieces)


def test_a_piece_that_is_put_back_is_replaced_with_all_behind_it(tmp_path: Path) -> None:
    reel = Reel(tmp_path, KEY)
    for piece in (b"one", b"two", b"three"):
        reel.append(piece)
    reel.close()
    reel = Reel(tmp_path, KEY)
    assert reel.read(100) == b"one"
    assert reel.read(2) is None  # longer than anybody would have written it
    assert reel.read(100) == b"two"
    reel.back()
    reel.append(b"2")
    reel.close()
    assert _pieces(Reel(tmp_path, KEY)) == [b"one", b"2"]


def test_a_link_a_pipe_or_another_writer_leave_a_reel_empty(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / KEY).symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / OTHER)
    first = Reel(tmp_path, "c" * 64)
    for reel in (Reel(tmp_path, KEY), Reel(tmp_path, OTHER), Reel(tmp_path, "c" * 64)):
        reel.append(b"piece")
        assert reel.read(100) is None
        reel.remove()
    first.append(b"mine")
    first.close()
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / KEY).is_symlink()
    assert _pieces(Reel(tmp_path, "c" * 64)) == [b"mine"]


def test_a_reel_takes_no_more_than_it_may(tmp_path: Path) -> None:
    reel = Reel(tmp_path, KEY, 60)
    for _ in range(5):
        reel.append(b"x" * 10)
    reel.close()
    assert _pieces(Reel(tmp_path, KEY)) == [b"x" * 10] * 2
