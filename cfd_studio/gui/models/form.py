"""The fields of a recipe in groups, drawn from their declarations."""

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from cfd_studio.gui.models.fields import FormField, form_field, models, text_of
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.plan import RecipeStage

_STAGES = {str(model.model_fields["kind"].default): model for model in models(RecipeStage)}
_METHODS = {"progressive": "Progressive distillation", "feature": "Feature distillation"}
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Run", ("", "schedule")),
    ("Images", ("data",)),
    ("Network", ("network",)),
    ("Evaluation", ("evaluation", "evaluation.sampler")),
    ("Journal", ("journal",)),
)
_HEADINGS = {"schedule": "Noise schedule", "sampler": "Sampler"}
_NOT_TYPED = ("sha256",)  # written by whoever copies the file
_NOT_CHOSEN = ("checkpoint",)  # made by the import of a file
_FIRST = ("id", "parent", "objective", "sampling_steps", "classifier")  # what a stage is, before how it is made
_ONLY_FOR_FEATURES = (".classifier", ".temperature", ".anchor_weight")


@dataclass(frozen=True, slots=True)
class Section:
    """Fields under a small heading, which may be empty."""

    heading: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class FormGroup:
    """Sections that belong together."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    @property
    def fields(self) -> tuple[FormField, ...]:
        """All fields."""
        return tuple(field for section in self.sections for field in section.fields)


def form_groups(raw: dict[str, Any], *, every: bool = False) -> list[FormGroup]:
    """Return the fields of a recipe: those of the run, then those of every stage as it is written.

    Parameters
    ----------
    raw : dict
        The recipe in today's words; its values may be wrong.
    every : bool, optional
        All fields instead of the basic ones.
    """
    groups = run_groups(raw, every=every)
    for index in range(len(raw["stages"])):
        groups += stage_groups(raw, index, every=every)
    return groups


def run_groups(raw: dict[str, Any], *, every: bool = False) -> list[FormGroup]:
    """Return the fields that all stages share."""
    groups = [
        FormGroup(title, "", tuple(section for path in paths for section in _sections_of_run(raw, path)))
        for title, paths in _GROUPS
    ]
    return groups if every else _basic_groups(groups)


def stage_groups(raw: dict[str, Any], index: int, *, every: bool = False) -> list[FormGroup]:
    """Return the fields of one stage: what it is, and where there is more than the basic fields, how it is trained."""
    stage = raw["stages"][index]
    sections = _stage_sections(stage, index, every=every)
    title, subtitle = stage_titles(raw, stage)
    if not every:
        return _basic_groups([FormGroup(title, subtitle, tuple(sections))])
    own, *parts = sections
    groups = [FormGroup(title, subtitle, (own,))]
    return groups + [FormGroup(part.heading, "", (replace(part, heading=""),)) for part in parts]


def reshaped(raw: dict[str, Any], path: str, origin: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe after another source was chosen for a stage: what has a source is not trained.

    Parameters
    ----------
    raw : dict
        The recipe with the new value in it.
    path : str
        Of the field that was changed.
    origin : dict
        The stage as it was at the beginning, which may know how it is trained.
    """
    way = path.split(".")
    if way[-2:] != ["source", "kind"]:
        return raw
    index = int(way[1])
    stage = dict(raw["stages"][index])
    kind = stage["source"]["kind"]
    if kind is None:
        stage["source"] = None
        stage["optimization"] = origin.get("optimization") or {}
    else:
        stage["source"] = {"kind": kind}
        stage["optimization"] = None
    stages = [*raw["stages"][:index], stage, *raw["stages"][index + 1 :]]
    return {**raw, "stages": stages}


def _sections_of_run(raw: dict[str, Any], path: str) -> list[Section]:
    model: type[BaseModel] = RunConfig
    values: Any = raw
    for key in path.split(".") if path else ():
        model, values = models(model.model_fields[key].annotation)[0], _part(model, values, key)
    last = path.rpartition(".")[2]
    heading = _HEADINGS.get(last, "")
    return [Section(heading, _fields(model, values, f"{path}." if path else ""))]


def _stage_sections(stage: dict[str, Any], index: int, *, every: bool) -> list[Section]:
    prefix, model = f"stages.{index}.", _STAGES[stage["kind"]]
    own = _fields(model, stage, prefix)
    if stage.get("objective") == "progressive" and not every:
        own = tuple(field for field in own if not field.path.endswith(_ONLY_FOR_FEATURES))
    sections = [Section("", own)]
    if "source" in model.model_fields:
        sections.append(_source_section(model, stage, prefix))
    for key, info in model.model_fields.items():
        trained = key != "optimization" or stage.get(key) is not None
        if key != "source" and models(info.annotation) and trained:
            part = models(info.annotation)[0]
            sections.append(Section(key.capitalize(), _fields(part, _part(model, stage, key), f"{prefix}{key}.")))
    return sections


def _source_section(model: type[BaseModel], stage: dict[str, Any], prefix: str) -> Section:
    info = model.model_fields["source"]
    source = stage.get("source") or {}
    kinds = {str(kind.model_fields["kind"].default): kind for kind in models(info.annotation)}
    given = source.get("kind")
    chosen = form_field(model, "source", f"{prefix}source.kind", given)
    offered = {kind: kind for kind in kinds if kind not in _NOT_CHOSEN or kind == given}
    chosen = replace(chosen, editor="choice", choices={"": None} | offered, shapes=True, label="From")
    fields = _fields(kinds[given], source, f"{prefix}source.") if given in kinds else ()
    return Section("Source", (chosen, *fields))


def _fields(model: type[BaseModel], values: dict[str, Any], prefix: str) -> tuple[FormField, ...]:
    """Return the fields of a model that hold one value each."""
    names = sorted(model.model_fields, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return tuple(
        form_field(model, name, f"{prefix}{name}", _given(model, values, name))
        for name in names
        if (info := model.model_fields[name]).title
        and name not in _NOT_TYPED
        and not models(info.annotation)
        and name != "stages"
    )


def _given(model: type[BaseModel], values: dict[str, Any], name: str) -> Any:
    """Return what a recipe says, or else the default as a recipe would say it; None where there is none."""
    info = model.model_fields[name]
    if name in values:
        return values[name]
    if info.is_required():
        return None
    default = info.get_default(call_default_factory=True)
    return list(default) if isinstance(default, tuple) else default


def _part(model: type[BaseModel], values: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a section of a recipe as far as it is written, over what it is where it is not."""
    given = values.get(key)
    if isinstance(given, dict):
        return given
    default = model.model_fields[key].get_default(call_default_factory=True)
    return default.model_dump(mode="json") if isinstance(default, BaseModel) else {}


def _basic_groups(groups: list[FormGroup]) -> list[FormGroup]:
    basic = [replace(group, sections=tuple(map(_basic, group.sections))) for group in groups]
    return [group for group in basic if group.fields]


def _basic(section: Section) -> Section:
    return Section("", tuple(field for field in section.fields if field.basic))


def stage_titles(raw: dict[str, Any], stage: dict[str, Any]) -> tuple[str, str]:
    """Return what a stage is called, and what it is."""
    name, kind, steps = text_of(stage.get("id")), stage["kind"], stage.get("sampling_steps")
    if kind == "halving" and isinstance(steps, list) and steps:
        method = _METHODS.get(stage.get("objective", ""), "Distillation")
        students = f"{len(steps)} student{'s' if len(steps) != 1 else ''}"
        title = f"{name}-{steps[0]} … {name}-{steps[-1]}" if len(steps) > 1 else f"{name}-{steps[0]}"
        return title, f"{method} of {stage.get('parent')}, {students}"
    if kind == "classifier":
        judges = _part(RunConfig, raw, "evaluation").get("judge") == name
        return name, "Classifier that judges" if judges else "Classifier to distil with"
    return name, {"teacher": "Diffusion teacher"}.get(kind, _METHODS.get(kind, "Distillation"))
