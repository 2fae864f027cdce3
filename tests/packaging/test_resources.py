"""Resources are found from the source tree and from the wheel, and the desktop files name what exists."""

import configparser
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from cfd_studio.workspace.resources import presets, resource

ROOT = Path(__file__).parents[2]


def test_the_locator_finds_presets_and_icon() -> None:
    assert json.loads(presets()["digits"].read_text())["data"]["name"] == "digits"
    assert resource("icons/cfd-studio.svg").read_text().startswith("<svg")


def test_the_wheel_carries_the_resources_and_finds_them(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        entry_points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "cfd-studio = cfd_studio.__main__:main" in archive.read(entry_points).decode()
        assert not [name for name in archive.namelist() if name.startswith("tests")]
    asked = subprocess.run(
        [sys.executable, "-c", "from cfd_studio.workspace.resources import presets; print(*presets().values())"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    found = [Path(line) for line in asked.stdout.split()]
    assert found
    assert all(path.is_relative_to(tmp_path / "site" / "cfd_studio" / "_resources") for path in found)


def test_the_desktop_entry_starts_the_program() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(ROOT / "packaging" / "cfd-studio.desktop")
    assert entry["Desktop Entry"]["Exec"] == "cfd-studio"
    assert resource(f"icons/{entry['Desktop Entry']['Icon']}.svg").is_file()
