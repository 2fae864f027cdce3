"""The one place that knows where the files shipped with the application lie."""

import sys
from pathlib import Path

import cfd_studio

DEMO_PRESET = "digits"


def _root() -> Path:
    package = Path(cfd_studio.__file__).parent
    candidates = [package / "_resources", package.parent / "resources"]  # a wheel; the source tree
    if frozen := getattr(sys, "_MEIPASS", None):
        candidates = [Path(frozen) / "cfd_studio" / "_resources", Path(frozen) / "resources", *candidates]
    return next((folder for folder in candidates if folder.is_dir()), candidates[-1])


def resource(name: str) -> Path:
    """Return the path of a shipped file or folder, named relative to ``resources/``."""
    return _root() / name


def presets() -> dict[str, Path]:
    """Return the presets' files by name: the demo's first, the others in alphabetical order."""
    found = sorted(resource("presets").glob("*.json"), key=lambda path: (path.stem != DEMO_PRESET, path.stem))
    return {path.stem: path for path in found}
