"""Every value that a recipe may hold, as its fields declare it: what lists and documents options reads them here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cfd_studio.protocol.optimization import Optimization
from cfd_studio.protocol.plan import Halving, Recipe
from cfd_studio.protocol.readable import flatten
from cfd_studio.protocol.stages import ClassifierStage, FeatureStage, ProgressiveStage, TeacherStage

ANY_STAGE = "ID"
_STAGES: tuple[type[BaseModel], ...] = (ClassifierStage, TeacherStage, ProgressiveStage, FeatureStage, Halving)
_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", tuple: "list", dict: "object"}
_BOUNDS = ((Ge, "ge", "{} or more"), (Gt, "gt", "more than {}"), (Le, "le", "at most {}"), (Lt, "lt", "less than {}"))


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a recipe.

    Attributes
    ----------
    path : str
        Dotted, as ``--set`` takes it; ``ID`` stands for the id of a stage.
    label : str
        What the form calls it.
    kind : str
        What is written there: the choices, or ``whole number``, ``text`` and so on; ``or null`` where it may be empty.
    bounds : str
        In words; empty for none.
    unit : str
    default : str
        As JSON; empty where it must be given.
    help : str
    """

    path: str
    label: str
    kind: str
    bounds: str
    unit: str
    default: str
    help: str


def options() -> Iterator[tuple[str, list[Option]]]:
    """Yield headings and options: of all but the stages, of the training of any, of each kind of stage."""
    yield "The recipe", list(_of(Recipe, "", without="stages"))
    yield "The training of any stage", list(_of(Optimization, f"stages.{ANY_STAGE}.optimization."))
    for model in _STAGES:
        kind = model.model_fields["kind"].default
        yield f"A stage of kind {kind}", list(_of(model, f"stages.{ANY_STAGE}.", without="optimization"))


def _of(model: type[BaseModel], prefix: str, *, without: str = "") -> Iterator[Option]:
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        members = [one for one in flatten(info.annotation) if one is not NoneType]
        sections = [one for one in members if isinstance(one, type) and issubclass(one, BaseModel)]
        if name == without or not members or _is_fixed(members):
            continue
        if len(sections) > 1:
            yield _tag(path, info, sections)
        if not sections:
            yield _option(path, info, members)
        yield from _of_either(path, sections)


def _of_either(path: str, sections: list[type[BaseModel]]) -> Iterator[Option]:
    """Yield the options of sections of which one is chosen: what all have alike once, the rest with its kind."""
    found = [list(_of(section, f"{path}.")) for section in sections]
    common = set(found[0]).intersection(*found[1:]) if found else set()
    for index, section in enumerate(sections):
        for option in found[index]:
            if option not in common:
                yield replace(option, help=f"For {section.model_fields['kind'].default}: {option.help}")
            elif index == 0:
                yield option


def _is_fixed(members: list[Any]) -> bool:
    """Tell whether a field can only ever hold one value, as the kind of a stage does."""
    return len(members) == 1 and get_origin(members[0]) is Literal and len(get_args(members[0])) == 1


def _tag(path: str, info: FieldInfo, sections: list[type[BaseModel]]) -> Option:
    """Return the option that chooses between sections."""
    kinds = ", ".join(str(section.model_fields["kind"].default) for section in sections)
    return Option(f"{path}.kind", info.title or "", kinds, "", "", "", info.description or "")


def _option(path: str, info: FieldInfo, members: list[Any]) -> Option:
    kind = ", ".join(map(_type_of, members))
    empty = " or null" if NoneType in flatten(info.annotation) else ""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return Option(
        path=path,
        label=info.title or "",
        kind=kind + empty,
        bounds=_bounds(info),
        unit=str(extra.get("unit", "")),
        default="" if info.is_required() else json.dumps(info.get_default(call_default_factory=True)),
        help=info.description or "",
    )


def _type_of(member: Any) -> str:
    if get_origin(member) is Literal:
        return ", ".join(map(str, get_args(member)))
    if get_origin(member) is tuple:
        return f"list of {_TYPES[get_args(member)[0]]}s"
    return _TYPES[get_origin(member) or member]


def _bounds(info: FieldInfo) -> str:
    said = []
    for item in info.metadata:
        said += [words.format(_number(getattr(item, name))) for kind, name, words in _BOUNDS if isinstance(item, kind)]
        match item:
            case MultipleOf():
                said.append(f"a multiple of {item.multiple_of}")
            case MinLen():
                said.append("not empty" if item.min_length == 1 else f"{item.min_length} or more long")
            case MaxLen():
                said.append(f"at most {item.max_length:,} long")
            case _ if pattern := getattr(item, "pattern", None):
                said.append(f"matches {pattern}")
    return ", ".join(said)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
