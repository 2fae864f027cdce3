"""What the check of a recipe says, field by field."""

from dataclasses import dataclass
from typing import Any

from cfd_studio.gui.models.form import form_groups
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import ConfigError, Problem
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.lineage import fill_sources


@dataclass(frozen=True, slots=True)
class Verdict:
    """A config, or problems by the path of their field.

    ``elsewhere`` holds the problems of what has no field in a form.
    """

    config: RunConfig | None
    beside: dict[str, str]
    elsewhere: tuple[Problem, ...]

    @property
    def count(self) -> int:
        """Return how many problems there are."""
        return len(self.beside) + len(self.elsewhere)


def judge(recipe: dict[str, Any]) -> Verdict:
    """Check a recipe. Another run is read where a stage takes its weights from there."""
    try:
        return Verdict(resolve(fill_sources(recipe)), {}, ())
    except ConfigError as error:
        known = {field.path for group in form_groups(recipe, every=True) for field in group.fields}
        beside: dict[str, str] = {}
        elsewhere: list[Problem] = []
        for problem in error.problems:
            path = _field_path(recipe, problem.path)
            while path and path not in known:  # an item of a list belongs to the list
                path = path.rpartition(".")[0]
            if path:
                beside.setdefault(path, problem.message)
            else:
                elsewhere.append(problem)
        return Verdict(None, beside, tuple(elsewhere))


def _field_path(raw: dict[str, Any], path: str) -> str:
    """Return a problem's path with its stage named by the index in the recipe, of which it may be an expansion."""
    parts = path.split(".")
    if parts[0] != "stages" or len(parts) < 2 or parts[1].isdecimal():
        return path
    for index, stage in enumerate(raw["stages"]):
        if stage.get("id") == parts[1]:
            return ".".join(["stages", str(index), *parts[2:]])
        steps = _expanded_to(stage, parts[1])
        if steps is not None:
            place = ["overrides"] if len(parts) > 2 and parts[2] in _overrides(stage, steps) else parts[2:]
            return ".".join(["stages", str(index), *place])
    return path


def _expanded_to(stage: dict[str, Any], stage_id: str) -> str | None:
    """Return the sampling steps of the student of that id, where a halving stands for it."""
    if stage.get("kind") != "halving" or not isinstance(stage.get("sampling_steps"), list):
        return None
    return next((f"{n}" for n in stage["sampling_steps"] if stage_id == f"{stage.get('id')}-{n}"), None)


def _overrides(stage: dict[str, Any], steps: str) -> Any:
    """Return what that student has of its own."""
    overrides = stage.get("overrides")
    return overrides.get(steps) or {} if isinstance(overrides, dict) else {}
