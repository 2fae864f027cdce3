"""From what a person writes (a recipe with halvings in it) to what a run computes (a tree of stages)."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from cfd_studio.protocol.config import MOST_STAGES, RunConfig
from cfd_studio.protocol.errors import ConfigError, Problem
from cfd_studio.protocol.fields import field
from cfd_studio.protocol.mending import mended
from cfd_studio.protocol.migration import migrate
from cfd_studio.protocol.optimization import Optimization
from cfd_studio.protocol.readable import child, readable, section_of
from cfd_studio.protocol.stages import (
    STAGE_ID,
    ClassifierStage,
    FeatureMatching,
    FeatureStage,
    ProgressiveStage,
    Stage,
    TeacherStage,
)
from cfd_studio.protocol.tree import tree_problems

_MATCHING = set(FeatureMatching.model_fields)


class Halving(FeatureMatching):
    """A chain of students, each with half the steps of the one before: shorthand for several stages.

    ``{"kind": "halving", "id": "pd", "sampling_steps": [32, 16, 8]}`` becomes the stages pd-32, pd-16 and pd-8.
    """

    kind: Literal["halving"] = "halving"
    id: str = field("Prefix of the ids of its stages.", label="Id", basic=True, pattern=STAGE_ID)
    parent: str = field("The stage that teaches the first student.", label="Parent", basic=True)
    objective: Literal["progressive", "feature"] = field(
        "How each student is distilled.", label="Objective", basic=True
    )
    sampling_steps: tuple[int, ...] = field(
        "Network calls of each student, halving exactly.",
        label="Sampling steps",
        unit="calls",
        basic=True,
        min_length=1,
        max_length=64,
    )
    optimization: Optimization
    classifier: str | None = field(
        "The classifier stage whose features are matched.", label="Classifier", basic=True, default=None
    )
    guidance: float = field(
        "Classifier-free guidance of the teacher that the first student learns by heart, and the others from it; 1 is "
        "none.",
        label="Guidance",
        default=1.0,
        ge=0.0,
        le=100.0,
    )
    overrides: dict[str, dict[str, Any]] = field(
        'What single students have of their own, by their sampling steps: {"2": {"optimization": {"steps": 20000}}}.',
        label="Overrides",
        default={},
        max_length=64,
    )

    def stages(self) -> list[dict[str, Any]]:
        """Return the stages it stands for, in order, as raw values."""
        parent = self.parent
        expanded: list[dict[str, Any]] = []
        for steps in self.sampling_steps:
            stage: dict[str, Any] = {
                "kind": self.objective,
                "id": f"{self.id}-{steps}",
                "parent": parent,
                "sampling_steps": steps,
                "optimization": self.optimization.model_dump(),
            }
            if self.objective == "feature":
                stage |= {"classifier": self.classifier or "", **self.model_dump(include=_MATCHING)}
            if not expanded:
                stage["guidance"] = self.guidance
            expanded.append(_overridden(stage, self.overrides.get(str(steps), {})))
            parent = expanded[-1]["id"]
        return expanded


RecipeStage = Annotated[Stage | Halving, Field(discriminator="kind")]


class Recipe(RunConfig):
    """A config as a person writes it: its stages may be halvings. Presets are recipes."""

    summary: str = field("One sentence for the list of presets.", label="Summary", default="", max_length=400)
    comparable: str = field(
        "What its figures may be compared with.", label="Comparable with", default="", max_length=400
    )
    stages: tuple[RecipeStage, ...] = field(  # type: ignore[assignment]
        "The stage tree, parents before children.", label="Stages", min_length=1, max_length=MOST_STAGES
    )


def _overridden(stage: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return a stage with values replaced, and those of its sections one by one."""
    result = dict(stage)
    for key, value in values.items():
        old = stage.get(key)
        result[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def read_recipe(raw: Any, *, source: str | None = None) -> Recipe:
    """Validate a raw recipe field by field.

    Raises
    ------
    ConfigError
        With every field that is wrong.
    """
    raw = migrate(raw, source=source)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise _refused(error, raw, source) from None


def _refused(error: ValidationError, raw: Any, source: str | None) -> ConfigError:
    """Return everything that is wrong with what failed its validation, between its other fields too."""
    problems = readable(error, raw, Recipe, _KINDS)
    rest = mended(raw, error, problems)
    if rest is not None and _valid(rest.raw):
        try:
            resolve(rest.raw)
        except ConfigError as more:
            problems += [problem for problem in more.problems if not rest.blurs(problem)]
    return ConfigError(problems, source=source)


def _valid(raw: Any) -> bool:
    try:
        Recipe.model_validate(raw)
    except ValidationError:
        return False
    return True


def resolve(raw: Any, *, source: str | None = None) -> RunConfig:
    """Expand the halvings of a raw recipe and check the whole tree.

    Parameters
    ----------
    raw : Any
        What the JSON file holds.
    source : str, optional
        Named in the error.

    Raises
    ------
    ConfigError
        With every field that is wrong, all at once.
    """
    recipe = read_recipe(raw, source=source)
    values = recipe.model_dump(exclude={"summary", "comparable", "stages"})
    values["stages"] = [
        one
        for stage in recipe.stages
        for one in (stage.stages() if isinstance(stage, Halving) else [stage.model_dump()])
    ]
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise _refused(error, values, source) from None
    halvings = Counter(stage.id for stage in recipe.stages if isinstance(stage, Halving))
    shared = [name for name, count in halvings.items() if count > 1]
    astray = [
        Problem(f"stages.{stage.id}.overrides", f"no student of it has {key[:20]} steps; name one that has")
        for stage in recipe.stages
        if isinstance(stage, Halving)
        for key in stage.overrides.keys() - set(map(str, stage.sampling_steps))
    ]
    twice = [Problem("stages", f"two halvings have the id '{name}'; give each its own") for name in shared]
    if problems := twice + astray + tree_problems(config):
        raise ConfigError(problems, source=source)
    return config


def set_values(raw: dict[str, Any], assignments: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a copy of a raw recipe with values replaced.

    Parameters
    ----------
    raw : dict
        The recipe.
    assignments : list of (str, Any)
        Dotted path and new value. A stage is named by its id: ``stages.teacher.optimization.steps``.

    Raises
    ------
    ConfigError
        With every path that leads nowhere.
    """
    copy: dict[str, Any] = _plain_copy(raw)
    problems: list[Problem] = []
    for path, value in assignments:
        *way, last = path.split(".")
        place: Any = copy
        model: type[BaseModel] | None = Recipe
        for key in way:
            section = section_of(model, key)
            if section and isinstance(place, dict) and place.get(key) is None:
                place[key] = {}  # a section that the recipe leaves at its default
            place = child(place, key)
            model = _KINDS.get(str(place.get("kind")), section) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = value
        elif isinstance(place, list) and last.isdecimal() and len(last) < 10 and int(last) < len(place):
            place[int(last)] = value
        else:
            problems.append(
                Problem(path, "leads nowhere in this config; see `cfd-studio presets --show NAME` for its fields")
            )
    if problems:
        raise ConfigError(problems)
    return copy


def _plain_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_copy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_copy(item) for item in value]
    return value


_KINDS: dict[str, type[BaseModel]] = {
    "classifier": ClassifierStage,
    "teacher": TeacherStage,
    "progressive": ProgressiveStage,
    "feature": FeatureStage,
    "halving": Halving,
}
