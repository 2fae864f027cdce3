"""One field of a form: drawn from its declaration, and a value in both directions between text and recipe."""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from cfd_studio.protocol.readable import flatten

Editor = Literal["text", "number", "numbers", "tick", "choice", "json"]
ON, OFF = "on", "off"
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_EMPTY = re.compile(r"[Ee]mpty (?:for|to) ([^;.,]+)")


@dataclass(frozen=True, slots=True)
class FormField:
    """One field.

    Attributes
    ----------
    path : str
        Leads to its value in the raw recipe, with stages named by their index.
    editor : Editor
    given : Any
        The value in the recipe, or its default.
    optional : bool
        Whether an empty editor means None.
    empty : str
        What that is, in words.
    choices : dict
        For ``choice``: the values by what stands in the editor.
    shapes : bool
        Whether other fields come and go with it.
    basic : bool
        Whether it is shown without being asked for the rest.
    """

    path: str
    label: str
    help: str
    unit: str
    editor: Editor
    given: Any
    optional: bool = False
    empty: str = ""
    choices: dict[str, Any] | None = None
    shapes: bool = False
    basic: bool = False

    @property
    def text(self) -> str:
        """What stands in the editor at first."""
        return text_of(self.given)

    def value(self, text: str) -> Any:
        """Return what was meant; what cannot be read is returned as it stands, for the check to complain about."""
        if self.choices is not None:
            return self.choices.get(text, text)
        if not text and self.optional:
            return None
        match self.editor:
            case "tick":
                return text == ON
            case "number":
                return number(text)
            case "numbers":
                return [number(part.strip()) for part in text.split(",")] if text else []
            case "json":
                return _parsed(text) if text else {}
            case _:
                return text


def form_field(model: type[BaseModel], name: str, path: str, given: Any) -> FormField:
    """Return the field of a declaration."""
    field = _declared(model, name)
    nothing = field.empty if field.optional or field.editor == "json" or given == "" else ""
    return replace(field, path=path, given=given, empty=nothing)


@cache
def _declared(model: type[BaseModel], name: str) -> FormField:
    """Return a field without its place and value; its words are read from the declaration once."""
    info = model.model_fields[name]
    kinds = flatten(info.annotation)
    optional = NoneType in kinds
    kinds = [kind for kind in kinds if kind is not NoneType]
    help_text = info.description or ""
    means = _EMPTY.search(help_text)
    empty = means[1] if means else "none"
    editor, choices = _editor(kinds, optional=optional)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return FormField(
        path="",
        label=info.title or name,
        help=help_text,
        unit=str(extra.get("unit", "")),
        editor=editor,
        given=None,
        optional=optional,
        empty=empty if optional or editor == "json" or means else "",
        choices=choices,
        basic=bool(extra.get("basic")),
    )


def models(annotation: Any) -> list[type[BaseModel]]:
    """Return those members of a union that hold fields of their own."""
    return [kind for kind in flatten(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def text_of(value: Any) -> str:
    """Return a value as it stands in an editor."""
    match value:
        case None:
            return ""
        case bool():
            return ON if value else OFF
        case float():
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        case list() | tuple():
            return ", ".join(map(text_of, value))
        case dict():
            return json.dumps(value) if value else ""
        case _:
            return str(value)


def number(text: str) -> Any:
    """Return a number, with or without commas between its thousands, or the text where it is none."""
    plain = text.replace(" ", "")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    for kind in (int, float):
        try:
            return kind(plain)
        except ValueError:
            continue
    return text


def _editor(kinds: list[Any], *, optional: bool) -> tuple[Editor, dict[str, Any] | None]:
    values = [value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]
    if not values and kinds == [bool] and optional:
        values = [True, False]
    if values:
        nothing: dict[str, Any] = {"": None} if optional else {}
        return "choice", nothing | {text_of(value): value for value in values}
    if kinds == [bool]:
        return "tick", None
    if any(get_origin(kind) is tuple for kind in kinds):
        return "numbers", None
    if any(get_origin(kind) is dict for kind in kinds):
        return "json", None
    return ("number" if any(kind in (int, float) for kind in kinds) else "text"), None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
