"""Favourites are kept across sessions, and a file that somebody else wrote does no harm."""

import json
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.protocol.sampling import ImageKey
from cfd_studio.protocol.sheets import MOST_KEYS
from cfd_studio.workspace.favourites import Favourites, favourites_file, load_favourites, save_favourites


def test_favourites_come_back_in_their_order_and_once_each() -> None:
    assert load_favourites() == Favourites()
    keys = (ImageKey(3, 7), ImageKey(0, 0), ImageKey(3, 7), ImageKey(2**31 - 1, 9))
    save_favourites(Favourites.of(keys))
    assert load_favourites().image_keys == (keys[0], keys[1], keys[3])
    assert [path.name for path in favourites_file().parent.iterdir()] == ["favourites.json"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        json.dumps({"keys": [[0, -1]]}),
        json.dumps({"keys": [[2**31, 0]]}),
        json.dumps({"keys": [[0, 0, 0]]}),
        json.dumps({"keys": [[0, index] for index in range(MOST_KEYS + 1)]}),
        json.dumps({"keys": [], "run": "/"}),
        json.dumps({"keys": [["0; drop", 0]]}),
        " " * (2**20 + 1),
    ],
)
def test_a_damaged_file_is_kept_aside_and_there_are_no_favourites(content: str, tmp_path: Path) -> None:
    path = tmp_path / "favourites.json"
    path.write_text(content)
    assert load_favourites(path) == Favourites()
    assert not path.exists()
    assert [one.read_text() for one in tmp_path.glob("favourites.damaged-*.json")] == [content]


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save_favourites(Favourites(), tmp_path / "file" / "favourites.json")
