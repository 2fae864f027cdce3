"""What pydantic says of a wrong value, as sentences with paths that name stages by their id."""

import difflib
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cfd_studio.protocol.errors import MOST_LISTED, Problem
from cfd_studio.protocol.fields import PATH

LONGEST_VALUE = 80


def readable(
    error: ValidationError, raw: Any, root: type[BaseModel], kinds: Mapping[str, type[BaseModel]]
) -> list[Problem]:
    """Return the problems of a validation.

    Parameters
    ----------
    error : ValidationError
    raw : Any
        What was validated.
    root : type of BaseModel
        What it was validated as.
    kinds : mapping
        The models of a stage by their ``kind``.
    """
    problems = []
    for index, item in enumerate(error.errors(include_url=False)):
        names: list[str] = []
        place: Any = raw
        model: Any = root
        holder: Any = None
        for key in item["loc"]:
            if isinstance(key, str) and isinstance(place, dict) and place.get("kind") == key and key not in place:
                model = kinds.get(key, model)
                continue  # the tag of a union, of stages or sources, is no step of the path
            owner, place = place, child(place, str(key))
            named = isinstance(owner, list) and isinstance(place, dict) and isinstance(place.get("id"), str)
            names.append(_short(place["id"] if named else str(key)))
            holder = model
            if item["type"] != "extra_forbidden" or key != item["loc"][-1]:
                model = _model_of(model, str(key))
        said = (
            _sentence(item, names[-1] if names else "", model, holder, kinds) if index < MOST_LISTED else "does not fit"
        )
        problems.append(Problem(".".join(names), said))
    return problems


def child(place: Any, key: str) -> Any:
    """Return what lies one step down a path: a value by name, an item by index or id; None where nothing does."""
    if isinstance(place, dict):
        return place.get(key)
    if isinstance(place, list):
        if key.isdecimal():
            return place[int(key)] if len(key) < 10 and int(key) < len(place) else None
        return next((item for item in place if isinstance(item, dict) and item.get("id") == key), None)
    return None


def section_of(model: type[BaseModel] | None, key: str) -> type[BaseModel] | None:
    """Return the model of a field that holds fields of its own, else None."""
    if model is not None and key in model.model_fields:
        for candidate in flatten(model.model_fields[key].annotation):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                return candidate
    return None


def _model_of(model: Any, key: str) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
        return section_of(model, key)
    return model


def flatten(annotation: Any) -> list[Any]:
    """Return the members of a union, of one within another too; of anything else, itself."""
    if get_origin(annotation) is Annotated:
        return flatten(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for option in get_args(annotation) for part in flatten(option)]
    return [annotation]


def _kinds_of(model: Any, key: str) -> list[str]:
    """Return what a field may be by its ``kind``; nothing where it is no such field."""
    if not (isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields):
        return []
    members = [one for one in flatten(model.model_fields[key].annotation) if isinstance(one, type)]
    return [one.model_fields["kind"].default for one in members if issubclass(one, BaseModel)]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _sentence(item: Any, name: str, model: Any, holder: Any, kinds: Mapping[str, Any]) -> str:
    given = item.get("input")
    shown = _short(f"{given!r}") if isinstance(given, (int, float, str)) else "this value"
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
        case "int_parsing" | "int_from_float" | "int_type":
            return f"{shown} is no whole number"
        case "float_parsing" | "float_type":
            return f"{shown} is no number"
        case "string_pattern_mismatch" if context["pattern"] == PATH:
            return "holds the character NUL, which no path may; remove it"
        case "string_too_short":
            return "is empty; write something"
        case "literal_error":
            return f"{shown} is not known here; use {context['expected']}"
        case "union_tag_invalid" | "union_tag_not_found":
            own = _kinds_of(holder, name)
            return f"the kind of a {name if own else 'stage'} is one of {', '.join(own or kinds)}"
        case _:
            message = item["msg"]
            return f"{shown} does not fit: {message[0].lower()}{message[1:]}"
