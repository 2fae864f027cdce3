"""Every field of a config is listed, explained, and taken by `--set`."""

import copy
import json
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from cfd_studio.cli.app import run_command_line
from cfd_studio.protocol.options import Option, options
from cfd_studio.protocol.plan import Recipe, RecipeStage, read_recipe, set_values
from cfd_studio.protocol.readable import flatten
from cfd_studio.protocol.stages import ClassifierStage, TeacherStage

# A value that differs from the default, where the first that comes to mind would not be taken.
_FITTING: dict[str, Any] = {
    "network.channels": 8,
    "data.image_size": 32,
    "seed": 7,
    "stages.ID.width": 9,
    "stages.ID.overrides": {"2": {"temperature": 0.5}},
    "stages.ID.source.sha256": "0" * 64,
    "stages.ID.input_size": 64,
    "stages.ID.batch_size": 3,
}
_IDS = {"classifier": "classifier", "teacher": "teacher", "progressive": "one", "feature": "two", "halving": "pd"}
_MODELS = {"classifier": ClassifierStage, "teacher": TeacherStage}


def _listed() -> list[tuple[str, Option]]:
    return [(heading, option) for heading, group in options() for option in group]


def _fields(model: type[BaseModel], prefix: str, found: set[str]) -> set[str]:
    """Walk the models themselves, however the list is made."""
    for name, info in model.model_fields.items():
        members = flatten(info.annotation)
        models = [one for one in members if isinstance(one, type) and issubclass(one, BaseModel)]
        for one in models:
            _fields(one, f"{prefix}{name}.", found)
        fixed = len(members) == 1 and (members[0] is type(None) or len(get_args(members[0])) == 1)
        if name == "kind" or (not models and not (fixed and not info.title)):
            found.add(f"{prefix}{name}")
    return found


def test_every_field_of_every_model_is_listed_with_its_help() -> None:
    expected = {path for path in _fields(Recipe, "", set()) if not path.startswith("stages")}
    for model in get_args(get_args(RecipeStage)[0]):
        inner = get_args(model)[0] if get_args(model) else model
        for one in flatten(inner):
            expected |= _fields(one, "stages.ID.", set())
    listed = {option.path for _, option in _listed()}
    assert listed == expected - {"format_version", "stages.ID.kind"}
    for heading, option in _listed():
        assert option.help, (heading, option.path)
        assert option.label, (heading, option.path)
        assert option.kind, (heading, option.path)


def _wanted(option: Option) -> Any:
    """Return a value of the kind that the list promises."""
    if option.path in _FITTING:
        return _FITTING[option.path]
    kind = option.kind.removesuffix(" or null")
    match kind:
        case "true or false":
            return option.default != "true"
        case "whole number":
            return 16
        case "number":
            return 0.25
        case "text":
            return "words"
        case "list of whole numbers":
            return [2, 1]
    choices = [json.loads(one) if one.isdecimal() else one for one in kind.split(", ")]
    return choices[-1]


def _whole_source(section: str, name: str, option: Option, value: Any) -> list[tuple[str, Any]]:
    """Return what sets a field of a source, with everything else that such a source cannot be without."""
    stage = section.split(".")[1]
    sources = [one for one in flatten(_MODELS[stage].model_fields["source"].annotation) if one is not type(None)]
    fields = next(
        one.model_fields
        for one in sources
        if (one.model_fields["kind"].default == value if name == "kind" else name in one.model_fields)
        and (not option.help.startswith("For ") or f"For {one.model_fields['kind'].default}:" in option.help)
    )
    needed = {key: "ema_model" if key == "which" else "x" for key, info in fields.items() if info.is_required()}
    whole = {"kind": fields["kind"].default, **needed, name: value}
    return [(f"{section}.{key}", one) for key, one in whole.items()]


def _stage_ids(heading: str) -> list[str]:
    kind = heading.rpartition(" ")[2]
    return [_IDS[kind]] if kind in _IDS else list(_IDS.values())


@pytest.fixture
def recipe(mini_recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a raw recipe with a stage of every kind."""
    how = mini_recipe["stages"][1]["optimization"]
    student = {"parent": "pd-4", "sampling_steps": 2, "optimization": how}
    mini_recipe["stages"] += [
        {"kind": "progressive", "id": "one", **student},
        {"kind": "feature", "id": "two", "classifier": "classifier", **student},
    ]
    return mini_recipe


def test_every_dotted_path_is_taken_by_set_and_arrives(recipe: dict[str, Any]) -> None:
    tried = 0
    for heading, option in _listed():
        for stage in _stage_ids(heading) if option.path.startswith("stages.") else [""]:
            path = option.path.replace("ID", stage, 1)
            section, _, name = path.rpartition(".")
            value = _wanted(option)
            assignments = [(path, value)]
            if section.endswith(".source"):
                assignments = _whole_source(section, name, option, value)
            changed = set_values(copy.deepcopy(recipe), assignments)
            place: Any = read_recipe(changed).model_dump(mode="json")
            for key in path.split("."):
                places = [one for one in place if one["id"] == key] if isinstance(place, list) else None
                if name == "id" and places == []:
                    places = [one for one in place if one["id"] == value]
                place = places[0] if places is not None else place[key]
            assert place == value, path
            tried += 1
    assert tried > 100


def test_both_forms_name_bounds_units_choices_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["options"], lambda **_: 0) == 0
    plain = capsys.readouterr().out
    assert run_command_line(["options", "--markdown"], lambda **_: 0) == 0
    document = capsys.readouterr().out
    for _, option in _listed():
        assert f"  {option.path}\n" in plain
        assert f"| `{option.path}` |" in document
        assert option.help in plain
    rows = {line.split(" | ")[0]: line.split(" | ") for line in document.splitlines()}
    assert rows["| `schedule.num_timesteps`"][2:6] == ["whole number", "8 or more, at most 8,192", "levels", ""]
    assert rows["| `stages.ID.temperature`"][2:6] == ["number", "more than 0, at most 10", "", "0.9"]
    assert rows["| `prediction`"][2:6] == ["x, eps, v", "", "", '"v"']
    assert rows["| `evaluation.judge`"][2:6] == ["text or null", "", "", "null"]
