"""Which preset a run comes from, and in what it differs."""

from dataclasses import dataclass
from typing import Any

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.study import differences
from cfd_studio.workspace.resources import presets

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class PresetDifference:
    """A preset, and every field that differs: its path, the preset's value, the run's."""

    name: str
    rows: tuple[tuple[str, str, str], ...]


def nearest_preset(config: RunConfig) -> PresetDifference | None:
    """Return the preset of the same name, or one with the same stages on the same images; None where there is none."""
    found = []
    for path in presets().values():
        try:
            preset = resolve(strict_json.loads(path.read_bytes()), source=str(path))
        except (CfdError, OSError, ValueError):
            continue
        paths = differences(preset, config)
        alike = preset.data.name == config.data.name and "stages" not in paths
        if preset.name == config.name or alike:
            found.append((preset.name != config.name, len(paths), path.stem, preset, paths))
    if not found:
        return None
    _, _, name, preset, paths = min(found, key=lambda one: one[:3])
    old, new = preset.model_dump(mode="json"), config.model_dump(mode="json")
    return PresetDifference(name, tuple((path, _value(old, path), _value(new, path)) for path in paths))


def _value(raw: Any, path: str) -> str:
    """Return what lies at a dotted path that names stages by their id."""
    for key in path.split("."):
        if isinstance(raw, list):
            raw = next((one for one in raw if isinstance(one, dict) and one.get("id") == key), None)
        else:
            raw = raw.get(key) if isinstance(raw, dict) else None
    if isinstance(raw, list) and all(isinstance(one, dict) for one in raw):
        raw = [one.get("id", "…") for one in raw]
    text = raw if isinstance(raw, str) else str(raw)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
