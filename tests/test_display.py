"""Without a screen, or a library that Qt needs: one sentence, and the demo goes on in the terminal."""

from pathlib import Path
from typing import Any

import pytest

from cfd_studio import studio
from cfd_studio.__main__ import open_window
from cfd_studio.cli import demo
from cfd_studio.cli.app import run_command_line
from cfd_studio.protocol.errors import NoDisplayError


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(studio, "_open", lambda *_: pytest.fail("Qt would abort here"))


def test_without_a_display_the_window_is_refused() -> None:
    with pytest.raises(NoDisplayError, match="no display"):
        studio.main()
    assert run_command_line([], open_window) == 2


def test_an_unreachable_display_is_found_out_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":9871")
    with pytest.raises(NoDisplayError, match="Qt cannot open a window here"):
        studio.main()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    said = "ImportError: libEGL.so.1: cannot open shared object file: No such file or directory"
    monkeypatch.setattr(studio, "_PROBE", f"import sys; sys.exit({said!r})")
    with pytest.raises(NoDisplayError, match=r"libEGL\.so\.1"):
        studio.main()


def test_the_demo_goes_on_in_the_terminal_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[Any] = []
    monkeypatch.setattr(demo, "_in_the_terminal", lambda folder: trained.append(folder) or 0)
    assert run_command_line(["demo", "--run", str(tmp_path / "run")], open_window) == 0
    assert trained == [tmp_path / "run"]
    assert "The demo goes on in the terminal." in capsys.readouterr().err
