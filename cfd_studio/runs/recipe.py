"""A run's config as a recipe for another run like it."""

from typing import Any

from cfd_studio.protocol.sources import CheckpointSource
from cfd_studio.protocol.stages import ClassifierStage, TeacherStage
from cfd_studio.runs.folder import RunFolder


def recipe_of(run: RunFolder) -> dict[str, Any]:
    """Return what makes the same run again, as raw values.

    A stage that was made of a checkpoint takes its weights from this run, where they lie by now.

    Raises
    ------
    CfdError
        Where the config cannot be read.
    """
    config = run.config()
    recipe = config.model_dump(mode="json")
    for stage, raw in zip(config.stages, recipe["stages"], strict=True):
        if isinstance(stage, (ClassifierStage, TeacherStage)) and isinstance(stage.source, CheckpointSource):
            raw["source"] = {"kind": "run", "path": str(run.path.absolute()), "stage": stage.id}
    return recipe
