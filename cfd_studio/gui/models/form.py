"""The fields of a recipe that matter, drawn from their declarations; and which field a problem belongs to."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cfd_studio.protocol.config import RunConfig, ScheduleConfig
from cfd_studio.protocol.errors import ConfigError, Problem
from cfd_studio.protocol.optimization import Optimization
from cfd_studio.protocol.plan import Halving, Recipe, read_recipe, resolve, set_values
from cfd_studio.runs.lineage import fill_sources

_ONLY_FOR_FEATURES = ("temperature", "anchor_weight")


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: ``path`` leads to its value in the raw recipe, with stages named by their index."""

    path: str
    label: str
    help: str
    unit: str
    text: str
    number: bool

    def value(self, text: str) -> Any:
        """Return what was typed as a number where it is one, else as it stands, for the check to complain about."""
        if self.number:
            for kind in (int, float):
                try:
                    return kind(text.replace(",", "").replace(" ", ""))
                except ValueError:
                    continue
        return text


@dataclass(frozen=True, slots=True)
class FormGroup:
    """Fields that belong together."""

    title: str
    subtitle: str
    fields: tuple[FormField, ...]


def form_groups(raw: Any) -> list[FormGroup]:
    """Return the basic fields of a recipe: those of the run, then those of every stage as it is written."""
    recipe = read_recipe(raw)
    groups = [
        FormGroup(
            "Run",
            "",
            (*_fields(RunConfig, recipe, ""), *_fields(ScheduleConfig, recipe.schedule, "schedule.")),
        )
    ]
    for index, stage in enumerate(recipe.stages):
        prefix = f"stages.{index}."
        fields = _fields(type(stage), stage, prefix)
        if stage.optimization:
            fields = _fields(Optimization, stage.optimization, f"{prefix}optimization.") + fields
        if isinstance(stage, Halving):
            title = f"{stage.id}-{stage.sampling_steps[0]} … {stage.id}-{stage.sampling_steps[-1]}"
            if stage.objective == "progressive":
                fields = [field for field in fields if not field.path.endswith(_ONLY_FOR_FEATURES)]
            method = {"progressive": "Progressive distillation", "feature": "Feature distillation"}[stage.objective]
            subtitle = f"{method} of {stage.parent}, {len(stage.sampling_steps)} students"
        else:
            title, subtitle = stage.id, _subtitle(recipe, stage.id, stage.kind)
        groups.append(FormGroup(title, subtitle, tuple(fields)))
    return groups


def _subtitle(recipe: Recipe, stage_id: str, kind: str) -> str:
    if kind == "classifier":
        return "Classifier that judges" if stage_id == recipe.evaluation.judge else "Classifier to distil with"
    return {"teacher": "Diffusion teacher", "progressive": "Progressive distillation"}.get(kind, "Feature distillation")


def _fields(model: type[BaseModel], values: BaseModel, prefix: str) -> list[FormField]:
    found = []
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra
        if not isinstance(extra, dict) or not extra.get("basic"):
            continue
        value = getattr(values, name)
        number = isinstance(value, (int, float))
        found.append(
            FormField(
                path=f"{prefix}{name}",
                label=info.title or name,
                help=info.description or "",
                unit=str(extra.get("unit", "")),
                text=f"{value:g}" if isinstance(value, float) else str(value),
                number=number,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of a filled form says: a config, or problems by the path of their field.

    ``elsewhere`` holds the problems of fields that the form does not show.
    """

    config: RunConfig | None
    beside: dict[str, str]
    elsewhere: tuple[Problem, ...]

    @property
    def count(self) -> int:
        """Return how many problems there are."""
        return len(self.beside) + len(self.elsewhere)


def judge(raw: dict[str, Any], groups: list[FormGroup], texts: dict[str, str]) -> Verdict:
    """Check a filled form."""
    fields = {field.path: field for group in groups for field in group.fields}
    try:
        filled = set_values(raw, [(path, fields[path].value(text)) for path, text in texts.items()])
        return Verdict(resolve(fill_sources(filled)), {}, ())
    except ConfigError as error:
        beside: dict[str, str] = {}
        elsewhere: list[Problem] = []
        for problem in error.problems:
            path = _field_path(raw, problem.path)
            if path in fields:
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
        own = stage.get("id") == parts[1]
        expanded = stage.get("kind") == "halving" and any(
            parts[1] == f"{stage.get('id')}-{steps}" for steps in stage.get("sampling_steps", ())
        )
        if own or expanded:
            return ".".join(["stages", str(index), *parts[2:]])
    return path
