"""The line that starts the run of a form from a shell."""

import shlex
from pathlib import Path
from typing import Any

from cfd_studio.gui.models.draft import Draft
from cfd_studio.protocol.assignments import parse_assignment, write_assignment
from cfd_studio.protocol.errors import ConfigError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.plan import set_values

_OPTIONS = {
    "device": "--device",
    "threads": "--threads",
    "processes": "--nproc",
    "accumulation": "--accumulate",
    "precision": "--precision",
    "fast": "--fast",
    "data_folder": "--data",
    "inception_file": "--inception-file",
}


def train_command(recipe: str, settings: list[str], folder: Path, request: ExecutionRequest) -> str:
    """Return the line, quoted for a shell.

    Parameters
    ----------
    recipe : str
        What the command line calls the recipe.
    settings : list of str
        ``path=value``.
    folder : Path
        The new run's.
    request : ExecutionRequest
        Where the window's job runs is left out: a command's runs where it is given.
    """
    words = ["cfd-studio", "train", recipe, "--run", str(folder)]
    for setting in settings:
        words += ["--set", setting]
    for name, option in _OPTIONS.items():
        value = getattr(request, name)
        if value != ExecutionRequest.model_fields[name].default:
            words += [option, str(value)]
    return shlex.join(words)


def exact_settings(draft: Draft) -> list[str] | None:
    """Return the settings that make of the draft's origin what it is now; None where none do so exactly."""
    if not draft.origin.command or draft.roots != tuple(range(len(draft.origin.recipe["stages"]))):
        return None
    changed = _changes(draft.origin.recipe, draft.recipe, "")
    # A stage is named by the id that it has when the setting is read: another id comes last.
    settings = [write_assignment(*one) for one in sorted(changed, key=lambda one: one[0].endswith(".id"))]
    recipe = draft.origin.recipe
    try:
        for setting in settings:
            recipe = set_values(recipe, [parse_assignment(setting)])
    except ConfigError:
        return None
    return settings if recipe == draft.recipe else None


def _changes(old: Any, new: Any, path: str) -> list[tuple[str, Any]]:
    """Return the paths of all values that differ; lists are one value, except that of the stages."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [change for key in new for change in _changes(old.get(key), new[key], f"{path}.{key}" if path else key)]
    if path == "stages":
        pairs = zip(old, new, strict=True)
        return [change for one, other in pairs for change in _changes(one, other, f"stages.{one['id']}")]
    return [] if old == new and type(old) is type(new) else [(path, new)]
