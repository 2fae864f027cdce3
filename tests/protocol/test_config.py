"""A config is right, or everything that is wrong with it is said at once."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError, ConfigError
from cfd_studio.protocol.plan import read_recipe, resolve, set_values
from cfd_studio.protocol.stages import FeatureStage, ProgressiveStage

Raw = dict[str, Any]


def _problems(raw: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        resolve(raw)
    problems = caught.value.problems
    assert len({problem.path for problem in problems}) == len(problems) or problems
    return {problem.path: problem.message for problem in problems}


def _stage(raw: Raw, stage_id: str) -> Raw:
    return next(stage for stage in raw["stages"] if stage["id"] == stage_id)


# Fields ---------------------------------------------------------------------------------------------------------------


def test_every_wrong_field_is_reported_at_once_with_the_stage_by_its_id(mini_recipe: Raw) -> None:
    mini_recipe["seed"] = -1
    mini_recipe["schedule"]["num_timesteps"] = 4
    mini_recipe["prediction"] = "epsilon"
    mini_recipe["evaluation"]["samples"] = "many"
    mini_recipe["evaluation"]["judge"] = 7
    del mini_recipe["data"]["name"]
    _stage(mini_recipe, "teacher")["optimization"]["learning_rate"] = 0
    _stage(mini_recipe, "teacher")["optimization"]["learning_rat"] = 0.1
    _stage(mini_recipe, "cfd")["temperature"] = 99
    _stage(mini_recipe, "classifier")["architecture"] = "transformer"
    problems = _problems(mini_recipe)
    assert set(problems) == {
        "seed",
        "schedule.num_timesteps",
        "prediction",
        "evaluation.samples",
        "evaluation.judge",
        "data.name",
        "stages.teacher.optimization.learning_rate",
        "stages.teacher.optimization.learning_rat",
        "stages.cfd.temperature",
        "stages.classifier.architecture",
    }
    assert "8 or more" in problems["schedule.num_timesteps"]
    assert "more than 0" in problems["stages.teacher.optimization.learning_rate"]
    assert "10" in problems["stages.cfd.temperature"]
    assert "missing" in problems["data.name"]
    assert all("\n" not in message for message in problems.values())


def test_the_error_is_one_text_with_a_line_per_field(mini_recipe: Raw) -> None:
    mini_recipe["seed"], mini_recipe["name"] = -1, ""
    with pytest.raises(ConfigError) as caught:
        resolve(mini_recipe, source="my.json")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("my.json: 2 values")
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["name", "seed"]
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("change", "path", "meant"),
    [
        (lambda raw: raw.update(sede=1), "sede", "seed"),
        (lambda raw: raw["schedule"].update(num_timestep=8), "schedule.num_timestep", "num_timesteps"),
        (lambda raw: raw["network"].update(chanels=8), "network.chanels", "channels"),
        (lambda raw: raw["journal"].update(log_evry=8), "journal.log_evry", "log_every"),
        (lambda raw: _stage(raw, "teacher").update(dropuot=0), "stages.teacher.dropuot", "dropout"),
        (lambda raw: _stage(raw, "cfd").update(temprature=1), "stages.cfd.temprature", "temperature"),
        (
            lambda raw: _stage(raw, "pd")["optimization"].update(batchsize=1),
            "stages.pd.optimization.batchsize",
            "batch_size",
        ),
    ],
)
def test_a_misspelt_field_is_told_what_was_meant(
    mini_recipe: Raw, change: Callable[[Raw], None], path: str, meant: str
) -> None:
    change(mini_recipe)
    problems = _problems(mini_recipe)
    assert set(problems) == {path}
    assert f"did you mean '{meant}'" in problems[path]


def test_an_unknown_field_like_no_other_is_to_be_removed(mini_recipe: Raw) -> None:
    mini_recipe["zzz"] = 1
    assert _problems(mini_recipe) == {"zzz": "there is no field 'zzz'; remove it"}


@pytest.mark.parametrize("kind", ["diffusion", None, 3])
def test_an_unknown_kind_of_stage_is_told_the_kinds(mini_recipe: Raw, kind: Any) -> None:
    _stage(mini_recipe, "teacher")["kind"] = kind
    ((path, message),) = _problems(mini_recipe).items()
    assert path.startswith("stages.teacher")
    assert "classifier, teacher, progressive, feature" in message


@pytest.mark.parametrize("source", [{"kind": "x"}, {}])
def test_an_unknown_kind_of_source_is_told_the_kinds_of_sources(mini_recipe: Raw, source: Raw) -> None:
    for stage, kinds in (("judge", "run, imagenet, checkpoint"), ("teacher", "run, checkpoint")):
        raw = copy.deepcopy(mini_recipe)
        _stage(raw, stage)["source"] = source
        said = _problems(raw)[f"stages.{stage}.source"]
        assert said == f"the kind of a source is one of {kinds}"


@pytest.mark.parametrize(
    "source", [{"kind": "run", "path": "a\0b", "stage": "judge"}, {"kind": "imagenet", "file": "\0.pth"}]
)
def test_a_path_that_no_system_takes_is_refused_beside_its_field(mini_recipe: Raw, source: Raw) -> None:
    _stage(mini_recipe, "judge")["source"] = source
    field = "path" if source["kind"] == "run" else "file"
    assert "the character NUL" in _problems(mini_recipe)[f"stages.judge.source.{field}"]


@pytest.mark.parametrize("raw", [None, 3, "text", [], [1], {"name": 3}, {"stages": "none"}, {"stages": [None, 7]}])
def test_what_is_no_recipe_at_all_is_a_config_error_too(raw: Any) -> None:
    assert _problems(raw)


@pytest.mark.parametrize("stage_id", ["", "A", "a b", "../x", "-a", "a" * 41, "ä", "a/b", "a\n"])
def test_an_id_is_fit_for_a_folder_on_every_system(mini_recipe: Raw, stage_id: str) -> None:
    _stage(mini_recipe, "classifier")["id"] = stage_id
    with pytest.raises(ConfigError):
        resolve(mini_recipe)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["learning_rate", "gradient_clip", "weight_decay", "ema_decay"])
def test_a_number_that_is_not_finite_is_refused(mini_recipe: Raw, field: str, value: float) -> None:
    _stage(mini_recipe, "teacher")["optimization"][field] = value
    assert f"stages.teacher.optimization.{field}" in _problems(mini_recipe)


def test_an_odd_width_is_refused_for_the_level_embedding_needs_pairs(mini_recipe: Raw) -> None:
    mini_recipe["network"] |= {"channels": 9, "norm_groups": 9}
    assert "network.channels" in _problems(mini_recipe)


# The tree -------------------------------------------------------------------------------------------------------------


def test_a_halving_becomes_a_chain_of_stages(mini_config: Callable[..., RunConfig]) -> None:
    config = mini_config()
    assert [stage.id for stage in config.stages] == ["judge", "classifier", "teacher", "pd-4", "pd-2", "cfd-2"]
    assert [stage.parent for stage in config.stages] == [None, None, None, "teacher", "pd-4", "pd-4"]
    pd_4, pd_2, cfd_2 = config.stages[3:]
    assert isinstance(pd_4, ProgressiveStage)
    assert isinstance(pd_2, ProgressiveStage)
    assert isinstance(cfd_2, FeatureStage)
    assert [config.own_steps(stage) for stage in config.diffusion_stages()] == [8, 4, 2, 2]
    assert (cfd_2.classifier, cfd_2.temperature, cfd_2.anchor_weight) == ("classifier", 0.9, 1.0)
    assert pd_4.optimization == pd_2.optimization
    assert config.stage("pd-2") is pd_2


@pytest.mark.parametrize("counts", [[4, 3], [8], [4, 4], [2], [4, 1]])
def test_what_does_not_halve_exactly_is_refused_with_the_right_number(mini_recipe: Raw, counts: list[int]) -> None:
    _stage(mini_recipe, "pd")["sampling_steps"] = counts
    mini_recipe["stages"] = [stage for stage in mini_recipe["stages"] if stage["id"] != "cfd"]
    problems = _problems(mini_recipe)
    bad = next(n for n, teacher in zip(counts, [8, *counts], strict=False) if 2 * n != teacher)
    message = problems[f"stages.pd-{bad}.sampling_steps"]
    assert f"{bad} is not half" in message
    assert "use " in message


def test_an_odd_number_of_steps_cannot_be_halved(mini_recipe: Raw) -> None:
    mini_recipe["schedule"]["num_timesteps"] = 9
    assert "odd number" in _problems(mini_recipe)["stages.pd-4.sampling_steps"]


@pytest.mark.parametrize("parent", ["nobody", "classifier", "cfd-2", "pd-2", "pd"])
def test_a_parent_is_a_model_listed_before(mini_recipe: Raw, parent: str) -> None:
    mini_recipe["stages"][3]["parent"] = parent
    assert f"'{parent}'" in _problems(mini_recipe)["stages.pd-4.parent"]


def test_the_judge_takes_no_part_in_distillation(mini_recipe: Raw) -> None:
    _stage(mini_recipe, "cfd")["classifier"] = "judge"
    assert "judge" in _problems(mini_recipe)["stages.cfd-2.classifier"]


@pytest.mark.parametrize("classifier", ["nobody", "teacher", "", None])
def test_the_distilling_classifier_exists(mini_recipe: Raw, classifier: str | None) -> None:
    _stage(mini_recipe, "cfd")["classifier"] = classifier
    assert "no classifier" in _problems(mini_recipe)["stages.cfd-2.classifier"]


@pytest.mark.parametrize("judge", ["nobody", "teacher", "pd-4"])
def test_the_judge_is_a_classifier_of_the_run(mini_recipe: Raw, judge: str) -> None:
    mini_recipe["evaluation"]["judge"] = judge
    assert f"'{judge}'" in _problems(mini_recipe)["evaluation.judge"]


def test_the_judge_is_trained_before_it_judges(mini_recipe: Raw) -> None:
    mini_recipe["stages"].append(mini_recipe["stages"].pop(0))
    assert "before the first teacher" in _problems(mini_recipe)["evaluation.judge"]


def test_everything_wrong_between_fields_is_reported_at_once(mini_recipe: Raw) -> None:
    mini_recipe["evaluation"] |= {"judge": "nobody", "sampling_steps": [0]}
    mini_recipe["network"] |= {"attention_levels": [5], "norm_groups": 3}
    mini_recipe["stages"][3]["parent"] = "nobody"
    _stage(mini_recipe, "cfd")["classifier"] = "nobody"
    _stage(mini_recipe, "teacher")["optimization"]["warmup_steps"] = 99
    mini_recipe["stages"].append(copy.deepcopy(mini_recipe["stages"][1]))
    assert set(_problems(mini_recipe)) == {
        "evaluation.judge",
        "evaluation.sampling_steps",
        "network.attention_levels",
        "network.norm_groups",
        "stages.pd-4.parent",
        "stages.cfd-2.classifier",
        "stages.teacher.optimization.warmup_steps",
        "stages.6.id",
    }


# Round trips ----------------------------------------------------------------------------------------------------------


def test_a_resolved_config_survives_json(mini_config: Callable[..., RunConfig]) -> None:
    config = mini_config()
    assert resolve(json.loads(config.model_dump_json())) == config


@given(
    power=st.integers(3, 10),
    rate=st.floats(1e-300, 1.0),
    decay=st.none() | st.floats(1e-9, 1 - 1e-9),
    temperature=st.floats(1e-6, 10.0),
    anchor=st.floats(0.0, 1000.0),
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
)
def test_any_value_within_its_bounds_survives_json_bitwise(
    power: int, rate: float, decay: float | None, temperature: float, anchor: float, name: str
) -> None:
    optimization = {"steps": 3, "batch_size": 2, "learning_rate": rate, "ema_decay": decay}
    chain = [2**k for k in range(power - 1, -1, -1)]
    raw = {
        "name": name,
        "data": {"name": "digits"},
        "schedule": {"num_timesteps": 2**power},
        "network": {},
        "stages": [
            {"kind": "classifier", "id": "j", "architecture": "mlp", "optimization": optimization},
            {"kind": "classifier", "id": "c", "architecture": "cnn", "optimization": optimization},
            {"kind": "teacher", "id": "t", "optimization": optimization},
            {
                "kind": "halving",
                "id": "s",
                "parent": "t",
                "objective": "feature",
                "sampling_steps": chain,
                "optimization": optimization,
                "classifier": "c",
                "temperature": temperature,
                "anchor_weight": anchor,
            },
        ],
        "evaluation": {"judge": "j"},
    }
    config = resolve(raw)
    assert resolve(json.loads(config.model_dump_json(indent=2))) == config
    assert [stage.id for stage in config.stages[3:]] == [f"s-{count}" for count in chain]


def test_a_config_is_immutable_and_forbids_strangers(mini_config: Callable[..., RunConfig]) -> None:
    config = mini_config()
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1  # type: ignore[misc]
    with pytest.raises(CfdError):
        resolve(json.loads(config.model_dump_json()) | {"device": "cpu"})


def test_every_field_carries_its_label_and_help() -> None:
    def check(model: Any, path: str) -> None:
        for name, info in model.model_fields.items():
            if name in ("kind", "format_version", "parent") and not info.title:
                continue
            nested = getattr(info.annotation, "model_fields", None)
            assert nested or (info.title and info.description), f"{path}.{name}"
            if nested:
                check(info.annotation, f"{path}.{name}")

    check(RunConfig, "config")
    check(FeatureStage, "stage")


# Setting values -------------------------------------------------------------------------------------------------------


def test_values_are_set_by_stage_id_in_a_copy(mini_recipe: Raw) -> None:
    before = copy.deepcopy(mini_recipe)
    changed = set_values(
        mini_recipe,
        [("stages.teacher.optimization.steps", 7), ("seed", 9), ("stages.0.width", 5), ("network.multipliers.1", 3)],
    )
    assert mini_recipe == before
    assert _stage(changed, "teacher")["optimization"]["steps"] == 7
    assert _stage(changed, "judge")["width"] == 5
    assert changed["seed"] == 9
    assert changed["network"]["multipliers"] == [1, 3]
    assert resolve(changed).stage("teacher").optimization.steps == 7


def test_all_paths_that_lead_nowhere_are_reported_at_once(mini_recipe: Raw) -> None:
    bad = ["stages.nobody.width", "stages.99.width", "seed.deeper", "nowhere.at.all", "stages.teacher.dropout.x"]
    with pytest.raises(ConfigError) as caught:
        set_values(mini_recipe, [*((path, 1) for path in bad), ("seed", 4)])
    assert [problem.path for problem in caught.value.problems] == bad


def test_a_misspelt_last_name_is_caught_when_the_recipe_is_resolved(mini_recipe: Raw) -> None:
    problems = _problems(set_values(mini_recipe, [("stages.teacher.optimization.step", 7)]))
    assert "did you mean 'steps'" in problems["stages.teacher.optimization.step"]


def test_a_value_can_be_set_where_the_recipe_leaves_the_whole_section_at_its_default(mini_recipe: Raw) -> None:
    # The `digits` preset has no "journal"; `--set journal.log_every=5` is a sensible wish all the same.
    del mini_recipe["journal"]
    assert resolve(set_values(mini_recipe, [("journal.log_every", 5)])).journal.log_every == 5


def test_the_shipped_preset_is_a_right_recipe() -> None:
    from pathlib import Path

    raw = json.loads((Path(__file__).parents[2] / "resources" / "presets" / "digits.json").read_text())
    assert read_recipe(raw).summary
    config = resolve(raw)
    assert [config.own_steps(stage) for stage in config.diffusion_stages()] == [32, 16, 8, 4, 2, 1, 4, 2, 1]
    pd, cfd = config.stage("pd-4"), config.stage("cfd-4")
    assert pd.parent == cfd.parent == "pd-8"
    assert pd.optimization == cfd.optimization


def test_a_resnet_needs_more_than_one_image_at_a_time(mini_recipe: Raw) -> None:
    judge = _stage(mini_recipe, "judge")
    judge["architecture"] = "resnet18"
    judge["optimization"]["batch_size"] = 1
    assert _problems(mini_recipe) == {
        "stages.judge.optimization.batch_size": "a resnet18 compares images; use 2 or more"
    }
