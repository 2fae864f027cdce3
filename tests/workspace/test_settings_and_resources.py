import json
import sys
from pathlib import Path

import pytest

from cfd_studio.protocol.plan import resolve
from cfd_studio.workspace import resources
from cfd_studio.workspace.folders import config_folder, runs_folder
from cfd_studio.workspace.settings import LONGEST_HISTORY, Settings, load_settings, save_settings, settings_file


def test_settings_come_back() -> None:
    settings = Settings(device="cuda:1", threads=3, theme="dark").remembering(Path("/somewhere/run"))
    save_settings(settings)
    assert settings_file().parent == config_folder()
    assert load_settings() == settings


def test_without_a_file_the_defaults_serve() -> None:
    assert load_settings() == Settings()


@pytest.mark.parametrize("content", [b"", b"{", b'{"theme": "pink"}', b"\x00\xff", b"[1, 2]"])
def test_a_damaged_file_is_kept_aside(content: bytes) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_bytes(content)
    assert load_settings() == Settings()
    aside = list(settings_file().parent.glob("settings.damaged-*.json"))
    assert [path.read_bytes() for path in aside] == [content]
    save_settings(Settings(theme="light"))
    assert load_settings().theme == "light"


def test_a_field_of_a_newer_version_is_ignored() -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(json.dumps({"theme": "light", "hologram": True}))
    assert load_settings().theme == "light"


def test_the_history_is_short_and_without_doubles() -> None:
    settings = Settings()
    for number in range(30):
        settings = settings.remembering(Path(f"/runs/{number}"))
    settings = settings.remembering(Path("/runs/29"))
    assert len(settings.opened) == LONGEST_HISTORY
    assert settings.opened[0] == Path("/runs/29")
    assert len(set(settings.opened)) == LONGEST_HISTORY


def test_user_folders_are_the_tests_own(tmp_path: Path) -> None:
    assert "pytest" in str(runs_folder())


def test_every_preset_is_found_and_fits() -> None:
    found = resources.presets()
    assert next(iter(found)) == resources.DEMO_PRESET  # the form of a new run offers the first
    assert list(found)[1:] == sorted(set(found) - {resources.DEMO_PRESET})
    for name, path in found.items():
        assert resolve(json.loads(path.read_bytes()), source=name).stages


def test_a_frozen_application_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "cfd_studio" / "_resources" / "presets"
    inside.mkdir(parents=True)
    (inside / "one.json").write_text("{}")
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert list(resources.presets()) == ["one"]
