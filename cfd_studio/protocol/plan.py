"""From what a person writes (a recipe with halvings in it) to what a run computes (a tree of stages)."""

import difflib
import types
from collections import Counter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError

from cfd_studio.protocol.config import RunConfig, tree_problems
from cfd_studio.protocol.errors import ConfigError, Problem
from cfd_studio.protocol.fields import Words, field
from cfd_studio.protocol.stages import (
    STAGE_ID,
    ClassifierStage,
    FeatureStage,
    Optimization,
    ProgressiveStage,
    Stage,
    TeacherStage,
)


class Halving(Words):
    """A chain of students, each with half the steps of the one before: shorthand for several stages.

    ``{"kind": "halving", "id": "pd", "sampling_steps": [32, 16, 8]}`` becomes the stages pd-32, pd-16 and pd-8.
    """

    kind: Literal["halving"] = "halving"
    id: str = field("Prefix of the ids of its stages.", label="Id", pattern=STAGE_ID)
    parent: str = field("The stage that teaches the first student.", label="Parent")
    objective: Literal["progressive", "feature"] = field("How each student is distilled.", label="Objective")
    sampling_steps: tuple[int, ...] = field(
        "Network calls of each student, halving exactly.", label="Sampling steps", unit="calls", min_length=1
    )
    optimization: Optimization
    classifier: str | None = field("The classifier stage whose features are matched.", label="Classifier", default=None)
    temperature: float = field(
        "Divides the teacher's features only, before the softmax; below 1 sharpens them.",
        label="Temperature",
        default=0.9,
        basic=True,
        gt=0.0,
        le=10.0,
    )
    anchor_weight: float = field(
        "Weight of the PD loss added to the feature loss; 0 is the paper.",
        label="Pixel anchor",
        default=0.0,
        basic=True,
        ge=0.0,
        le=1000.0,
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
                stage |= {
                    "classifier": self.classifier or "",
                    "temperature": self.temperature,
                    "anchor_weight": self.anchor_weight,
                }
            expanded.append(stage)
            parent = stage["id"]
        return expanded


RecipeStage = Annotated[Stage | Halving, Field(discriminator="kind")]


class Recipe(RunConfig):
    """A config as a person writes it: its stages may be halvings. Presets are recipes."""

    summary: str = field("One sentence for the list of presets.", label="Summary", default="", max_length=400)
    stages: tuple[RecipeStage, ...] = field(  # type: ignore[assignment]
        "The stage tree, parents before children.", label="Stages", min_length=1
    )


def read_recipe(raw: Any, *, source: str | None = None) -> Recipe:
    """Validate a raw recipe field by field.

    Raises
    ------
    ConfigError
        With every field that is wrong.
    """
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_readable(error, raw), source=source) from None


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
    counts = Counter(stage.id for stage in recipe.stages)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ConfigError(
            [Problem("stages", f"the id '{name}' is used twice; give each stage its own") for name in twice], source=source
        )
    values = recipe.model_dump(exclude={"summary", "stages"})
    values["stages"] = [
        one
        for stage in recipe.stages
        for one in (stage.stages() if isinstance(stage, Halving) else [stage.model_dump()])
    ]
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_readable(error, values), source=source) from None
    if problems := tree_problems(config):
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
        if way and way[0] in Recipe.model_fields:
            copy.setdefault(way[0], {})  # a section that the recipe leaves at its default
        place: Any = copy
        for key in way:
            place = _child(place, key)
        if isinstance(place, dict):
            place[last] = value
        elif isinstance(place, list) and last.isdecimal() and int(last) < len(place):
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


def _child(place: Any, key: str) -> Any:
    if isinstance(place, dict):
        return place.get(key)
    if isinstance(place, list):
        if key.isdecimal():
            return place[int(key)] if int(key) < len(place) else None
        return next((item for item in place if isinstance(item, dict) and item.get("id") == key), None)
    return None


_KINDS: dict[str, type[BaseModel]] = {
    "classifier": ClassifierStage,
    "teacher": TeacherStage,
    "progressive": ProgressiveStage,
    "feature": FeatureStage,
    "halving": Halving,
}


def _readable(error: ValidationError, raw: Any) -> list[Problem]:
    """Turn pydantic's errors into sentences with paths that name stages by id."""
    problems = []
    for item in error.errors():
        names: list[str] = []
        place: Any = raw
        model: Any = Recipe
        for key in item["loc"]:
            if isinstance(key, str) and key in _KINDS and isinstance(place, dict) and place.get("kind") == key:
                model = _KINDS[key]
                continue  # the tag of the union is no step of the path
            owner, place = place, _child(place, str(key))
            names.append(place["id"] if _has_own_id(owner, place) else str(key))
            if item["type"] != "extra_forbidden" or key != item["loc"][-1]:
                model = _model_of(model, str(key))
        problems.append(Problem(".".join(names), _sentence(item, names[-1] if names else "", model)))
    return problems


def _has_own_id(owner: Any, place: Any) -> bool:
    """Tell whether a stage can be named by its id: two halvings may share one, and are then named by their index."""
    if not isinstance(owner, list) or not isinstance(place, dict) or not isinstance(place.get("id"), str):
        return False
    return sum(isinstance(other, dict) and other.get("id") == place["id"] for other in owner) == 1


def _model_of(model: Any, key: str) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
        for candidate in _flatten(model.model_fields[key].annotation):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                return candidate
        return None
    return model


def _flatten(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for option in get_args(annotation) for part in _flatten(option)]
    return [annotation]


def _sentence(item: Any, name: str, model: Any) -> str:
    given = item.get("input")
    shown = f"{given!r}" if isinstance(given, (int, float, str)) else "this value"
    context = item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            fields = list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
            close = difflib.get_close_matches(name, fields, n=1)
            return f"there is no field '{name}'" + (f"; did you mean '{close[0]}'?" if close else "; remove it")
        case "missing":
            return "is missing; give it a value"
        case "greater_than_equal":
            return f"{shown} is too small; use {context['ge']} or more"
        case "greater_than":
            return f"{shown} is too small; use more than {context['gt']}"
        case "less_than_equal":
            return f"{shown} is too large; use {context['le']} or less"
        case "less_than":
            return f"{shown} is too large; use less than {context['lt']}"
        case "literal_error":
            return f"{shown} is not known here; use {context['expected']}"
        case "union_tag_invalid" | "union_tag_not_found":
            return f"the kind of a stage is one of {', '.join(_KINDS)}"
        case _:
            message = item["msg"]
            return f"{shown} does not fit: {message[0].lower()}{message[1:]}"
