"""What is dropped is recognised, whatever else lies beside it."""

import os
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.workspace.arrivals import recognise


def test_a_folder_that_may_not_be_entered_hides_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.png").touch()
    look = os.scandir
    entered: list[Path] = []

    def but_one(path: Any) -> Any:
        entered.append(path)
        if len(entered) == 2:
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "scandir", but_one)
    assert recognise([tmp_path]).kind == "images"
    assert len(entered) == 3
