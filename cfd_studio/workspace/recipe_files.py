"""Recipes that lie in files: those of presets, of a person, and of earlier runs."""

from pathlib import Path
from typing import Any

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.contraction import contracted
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sources import CheckpointSource, RunSource
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import LARGEST_CONFIG, read_bounded


def read_recipe_file(path: Path, source: str) -> dict[str, Any]:
    """Return what a JSON file holds, its values right or wrong; ``source`` is what to call it in errors.

    Raises
    ------
    CfdError
        Where it cannot be read, or holds no JSON object.
    """
    try:
        raw = strict_json.loads(read_bounded(path, LARGEST_CONFIG, follow=True))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CfdError(f"cannot be read as JSON ({why})", where=source, advice="Mend the file.") from None
    if not isinstance(raw, dict):
        raise CfdError("holds no recipe", where=source, advice="A recipe is a JSON object; see `cfd-studio presets`.")
    return raw


def recipe_of_run(path: Path) -> dict[str, Any]:
    """Return the recipe of a run, its chains of students written as halvings.

    What the run took from elsewhere is taken from the run itself, where its weights lie.

    Raises
    ------
    CfdError
        Where there is no run, or one that cannot be read.
    """
    run = RunFolder.open(path)
    config = run.config()
    raw = config.model_dump(mode="json")
    for stage, values in zip(config.stages, raw["stages"], strict=True):
        if isinstance(getattr(stage, "source", None), RunSource | CheckpointSource) and run.weights(stage.id).is_file():
            values["source"] = {"kind": "run", "path": str(run.path), "stage": stage.id}
        elif isinstance(values.get("source"), dict):
            values["source"].pop("sha256")  # written anew when the weights are copied
    return contracted(raw)
