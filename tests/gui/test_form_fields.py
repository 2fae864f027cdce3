"""Every field of every recipe, from value to text and back; no widget takes part."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cfd_studio.gui.models import verdict as verdict_module
from cfd_studio.gui.models.draft import Draft, Origin
from cfd_studio.gui.models.fields import FormField, number, text_of
from cfd_studio.gui.models.form import form_groups
from cfd_studio.gui.models.verdict import judge
from cfd_studio.protocol.migration import migrate
from cfd_studio.protocol.plan import Recipe, resolve, set_values
from cfd_studio.workspace.resources import presets

PRESETS = list(presets().values())
MADE_ELSEWHERE = {"sha256"}
TAGS = {"kind", "format_version", "summary", "comparable", "stages", "source"}


@pytest.fixture(params=[*PRESETS, "with everything"], ids=lambda value: getattr(value, "stem", value))
def raw(request: Any, mini_recipe: dict[str, Any]) -> dict[str, Any]:
    if isinstance(request.param, Path):
        return migrate(json.loads(request.param.read_bytes()))
    stages = mini_recipe["stages"]
    stages[0] = {"kind": "classifier", "id": "judge", "architecture": "mlp", "source": _run_source("judge")}
    stages[1] |= {"augmentation": {"cutout": 2}, "input_size": 16, "keep": "best", "validation_share": 0.25}
    stages[3]["overrides"] = {"2": {"optimization": {"steps": 7}}}
    return mini_recipe | {
        "evaluation": {"judge": "judge", "sampler": {"eta": 0.1}},
        "data": {"name": "digits", "flip": True},
    }


def _run_source(stage: str) -> dict[str, str]:
    return {"kind": "run", "path": "/runs/other", "stage": stage}


def _fields(raw: dict[str, Any]) -> dict[str, FormField]:
    return {field.path: field for group in form_groups(raw, every=True) for field in group.fields}


def _typed(raw: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """Return a recipe as it is after a person has typed."""
    draft = Draft(Origin("it", raw))
    for path, text in texts.items():
        draft.edit(path, _fields(draft.recipe)[path].value(text))
    return draft.recipe


def _leaves(value: BaseModel, prefix: str = "") -> Iterator[str]:
    """Yield the path of everything that a recipe holds and a person may choose, the recipe being read by pydantic."""
    for name in type(value).model_fields:
        part = getattr(value, name)
        path = f"{prefix}{name}"
        if isinstance(part, BaseModel):
            yield from _leaves(part, f"{path}.")
            if name == "source":
                yield f"{path}.kind"
        elif name == "stages":
            for index, stage in enumerate(part):
                yield from _leaves(stage, f"stages.{index}.")
        elif name == "source":
            yield f"{path}.kind"
        elif name not in TAGS | MADE_ELSEWHERE and type(value).model_fields[name].title:
            yield path


@pytest.fixture(autouse=True)
def _no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave open what another run dictates: there is none, and tests/runs/test_imports.py is about that."""
    monkeypatch.setattr(verdict_module, "fill_sources", lambda raw: raw)


def test_every_field_of_a_recipe_is_in_the_form(raw: dict[str, Any]) -> None:
    assert set(_fields(raw)) == set(_leaves(Recipe.model_validate(raw)))


def test_every_field_comes_back_from_its_text_as_it_was(raw: dict[str, Any]) -> None:
    config = resolve(raw)
    fields = _fields(raw)
    for path, field in fields.items():
        assert field.value(field.text) == field.given, path
        assert field.label != path, f"{path} has no label"
        assert field.help.endswith("."), f"{path} has no help"
    unshaped = {path: field.text for path, field in fields.items() if not field.shapes}
    assert judge(_typed(raw, unshaped)).config == config
    written = set_values(raw, [(path, field.value(field.text)) for path, field in fields.items() if not field.shapes])
    assert resolve(written) == config


def test_a_changed_field_changes_its_own_value_and_nothing_else(raw: dict[str, Any]) -> None:
    for path, field in _fields(raw).items():
        if field.shapes or path.endswith(".id"):  # another id is another one wherever the stage is named
            continue
        text, value = _another(field)
        changed = _typed(raw, {path: text})
        assert _dig(changed, path) == value, path
        assert _without(changed, path) == _without(raw, path), path


def _another(field: FormField) -> tuple[str, Any]:
    if field.choices is not None:
        return next((text, value) for text, value in field.choices.items() if value != field.given)
    match field.editor:
        case "tick":
            return ("off", False) if field.given else ("on", True)
        case "number":
            return "1,234.5", 1234.5
        case "numbers":
            return "3, 5", [3, 5]
        case "json":
            return '{"1": {"guidance": 2}}', {"1": {"guidance": 2}}
        case _:
            return "another", "another"


def _dig(raw: Any, path: str) -> Any:
    for key in path.split("."):
        raw = raw[int(key)] if isinstance(raw, list) else raw[key]
    return raw


def _without(raw: dict[str, Any], path: str) -> Any:
    """Return a copy without one value, and without the sections that are empty then."""
    copied = copy.deepcopy(raw)
    *way, last = path.split(".")
    places = [copied]
    for key in way:
        place = places[-1]
        places.append(place[int(key)] if isinstance(place, list) else place.get(key, {}))
    places[-1].pop(last, None)
    for key, place in reversed(list(zip(way, places, strict=False))):
        if isinstance(place, dict) and place.get(key) == {}:
            del place[key]
    return copied


def test_a_number_is_read_only_where_it_is_plain_what_it_means() -> None:
    for text, value in (("1,000", 1000), ("12,345,678", 12_345_678), ("0.5", 0.5), ("2e-4", 2e-4), ("1 000", 1000)):
        assert number(text) == value
    for text in ("0,5", "1,00", "many", "", "1,2,3", "12,34"):
        assert number(text) == text


def test_a_number_is_shown_short_and_whole() -> None:
    assert text_of(5e-05) == "5e-05"
    assert text_of(0.123456789) == "0.123456789"
    assert float(text_of(1 / 3)) == 1 / 3


def test_an_item_of_a_list_and_a_field_of_an_override_are_wrong_beside_their_field(mini_recipe: dict[str, Any]) -> None:
    typed = {"network.multipliers": "1, x", "stages.3.overrides": '{"2": {"optimization": {"steps": 0}}}'}
    assert set(judge(_typed(mini_recipe, typed)).beside) == set(typed)
    for wrong in ("{", "7", '{"3": {}}'):
        verdict = judge(_typed(mini_recipe, {"stages.3.overrides": wrong}))
        assert (set(verdict.beside), verdict.elsewhere) == ({"stages.3.overrides"}, ()), wrong


def test_a_stage_that_is_named_where_there_is_none_is_missed_there(mini_recipe: dict[str, Any]) -> None:
    mini_recipe["stages"][4]["classifier"] = "other"
    assert set(judge(mini_recipe).beside) == {"stages.4.classifier"}


def test_a_stage_with_a_source_is_not_trained_and_can_be_trained_again(mini_recipe: dict[str, Any]) -> None:
    path = "stages.1.source.kind"
    sourced = _typed(mini_recipe, {path: "run"})
    assert "stages.1.optimization.steps" not in _fields(sourced)
    assert set(judge(sourced).beside) == {"stages.1.source.path", "stages.1.source.stage"}
    given = {"stages.1.source.path": "/runs/other", "stages.1.source.stage": "classifier"}
    config = judge(_typed(sourced, given)).config
    assert config is not None
    assert config.stage("classifier").steps == 0
    draft = Draft(Origin("it", mini_recipe))
    draft.edit(path, "run")
    draft.edit("name", "Another")
    draft.edit(path, None)
    draft.edit("name", mini_recipe["name"])
    assert resolve(draft.recipe) == resolve(mini_recipe)


def test_the_basic_fields_are_those_that_say_so(mini_recipe: dict[str, Any]) -> None:
    shown = {field.path for group in form_groups(mini_recipe) for field in group.fields}
    assert {"name", "seed", "schedule.num_timesteps", "stages.4.temperature"} <= shown
    assert not {"network.channels", "stages.3.temperature", "stages.1.dropout"} & shown
