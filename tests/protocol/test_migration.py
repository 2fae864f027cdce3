"""A config of an older format computes what it always computed; one from the future is refused."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.protocol import migration
from cfd_studio.protocol.config import FORMAT_VERSION
from cfd_studio.protocol.errors import CfdError, ConfigError
from cfd_studio.protocol.migration import format_version, migrate
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.folder import RunFolder

# What the first version wrote for the preset of the digits, byte for byte but for the line breaks.
FORMAT_1 = """
{"format_version": 1, "name": "Digits, from noise to one step", "seed": 0, "data": {"name": "digits"},
"schedule": {"num_timesteps": 32}, "prediction": "v", "network": {"channels": 16, "multipliers": [1, 2, 2],
"attention_levels": [], "residual_blocks": 1, "norm_groups": 8}, "stages": [
{"id": "judge", "optimization": {"steps": 600, "batch_size": 128, "learning_rate": 0.002,
"learning_rate_schedule": "cosine", "warmup_steps": 0, "gradient_clip": 1.0, "ema_decay": null, "weight_decay": 0.01},
"kind": "classifier", "parent": null, "architecture": "mlp", "width": 64, "dropout": 0.3},
{"id": "classifier", "optimization": {"steps": 400, "batch_size": 128, "learning_rate": 0.003,
"learning_rate_schedule": "cosine", "warmup_steps": 0, "gradient_clip": 1.0, "ema_decay": null, "weight_decay": 0.01},
"kind": "classifier", "parent": null, "architecture": "cnn", "width": 64, "dropout": 0.0},
{"id": "teacher", "optimization": {"steps": 3000, "batch_size": 32, "learning_rate": 0.004,
"learning_rate_schedule": "cosine", "warmup_steps": 100, "gradient_clip": 1.0, "ema_decay": 0.999,
"weight_decay": 0.0}, "kind": "teacher", "parent": null, "dropout": 0.0},
{"id": "pd-16", "optimization": {"steps": 250, "batch_size": 32, "learning_rate": 0.001,
"learning_rate_schedule": "cosine", "warmup_steps": 0, "gradient_clip": 1.0, "ema_decay": null, "weight_decay": 0.0},
"parent": "teacher", "sampling_steps": 16, "kind": "progressive"},
{"id": "pd-8", "optimization": {"steps": 250, "batch_size": 32, "learning_rate": 0.001,
"learning_rate_schedule": "cosine", "warmup_steps": 0, "gradient_clip": 1.0, "ema_decay": null, "weight_decay": 0.0},
"parent": "pd-16", "sampling_steps": 8, "kind": "progressive"},
{"temperature": 0.9, "anchor_weight": 3.0, "id": "cfd-4", "optimization": {"steps": 250, "batch_size": 32,
"learning_rate": 0.001, "learning_rate_schedule": "cosine", "warmup_steps": 0, "gradient_clip": 1.0, "ema_decay": null,
"weight_decay": 0.0}, "parent": "pd-8", "sampling_steps": 4, "kind": "feature", "classifier": "classifier"}],
"evaluation": {"judge": "judge", "samples": 2000, "sampling_steps": [1, 2, 4], "batch_size": 500},
"journal": {"log_every": 20, "held_out_every": 100, "checkpoint_every": 500, "keep_checkpoints": 2}}
"""
UNSAID = {
    "format_version": 2,
    "clip_samples": True,
    "clip_targets": False,
    "schedule.clean_end": True,
    "network.conditional": False,
    "network.label_dropout": 0.1,
    "stages.teacher.weighting": "truncated-snr",
    "stages.cfd-4.match": "features",
    "stages.cfd-4.dataset_weight": 0.0,
    "stages.cfd-4.entropy_share": 0.75,
}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {at: leaf for key, item in value.items() for at, leaf in _leaves(item, f"{path}.{key}").items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {at: leaf for item in value for at, leaf in _leaves(item, f"{path}.{item['id']}").items()}
    return {path[1:]: value}


@pytest.fixture
def to_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "FORMAT_VERSION", 2)


@pytest.mark.usefixtures("to_2")
def test_format_2_writes_down_what_format_1_left_unsaid_and_changes_nothing_else() -> None:
    old = json.loads(FORMAT_1)
    before = copy.deepcopy(old)
    assert _leaves(migrate(old)) == _leaves(old) | UNSAID
    assert old == before
    assert migrate(migrate(old)) == migrate(old)


@pytest.mark.usefixtures("to_2")
def test_a_halving_of_an_old_recipe_keeps_what_its_students_meant() -> None:
    recipe = {"format_version": 1, "stages": [{"kind": "halving", "id": "cfd", "temperature": 0.5}]}
    (halving,) = migrate(recipe)["stages"]
    assert (halving["match"], halving["temperature"]) == ("features", 0.5)


def test_format_3_writes_down_what_format_2_left_unsaid_and_changes_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(migration, "FORMAT_VERSION", 3)
    old = migrate(json.loads(FORMAT_1)) | {"format_version": 2}
    two = json.loads(FORMAT_1) | {"format_version": 2}
    unsaid = {path: leaf for path, leaf in _leaves(migrate(two)).items() if path not in _leaves(two)}
    assert _leaves(migrate(two)) == _leaves(two) | unsaid | {"format_version": 3}
    assert unsaid["data.flip"] is False
    assert unsaid["stages.teacher.optimization.optimizer"] == "adam"
    assert unsaid["stages.cfd-4.classifier_input"] == "matched"
    assert unsaid["stages.judge.augmentation.cutout"] == 0
    assert migrate(old) == old | {"format_version": 3}


def test_a_run_of_format_3_goes_on_without_drawing_samples_along_the_way() -> None:
    three = {"format_version": 3, "name": "old", "journal": {"log_every": 20}}
    assert migrate(three) == {"format_version": 4, "name": "old", "journal": {"log_every": 20, "samples_every": 0}}


def test_what_older_formats_left_unsaid_is_what_todays_defaults_say() -> None:
    # Until a default changes, a migrated config and the same recipe of today are one experiment.
    recipe = json.loads(FORMAT_1)
    del recipe["format_version"]
    today, migrated = resolve(recipe), resolve(json.loads(FORMAT_1))
    assert today.data.flips is migrated.data.flips is False
    assert migrated.model_copy(update={"data": today.data}) == today


def test_a_run_of_the_first_version_opens_and_its_file_stays_as_it_is(tmp_path: Path) -> None:
    for folder in ("jobs", "stages"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config.json").write_text(FORMAT_1)
    (tmp_path / "run.json").write_text('{\n  "format_version": 1\n}')
    config = RunFolder.open(tmp_path).config()
    assert config.format_version == FORMAT_VERSION
    now = _leaves(json.loads(config.model_dump_json()))
    expected = _leaves(json.loads(FORMAT_1)) | (UNSAID if FORMAT_VERSION >= 2 else {})
    assert now | expected | {"format_version": FORMAT_VERSION} == now
    assert (tmp_path / "config.json").read_text() == FORMAT_1


def test_a_recipe_without_a_format_is_one_of_today() -> None:
    recipe = json.loads(FORMAT_1)
    del recipe["format_version"]
    assert migrate(recipe) == recipe
    assert resolve(recipe).format_version == FORMAT_VERSION


def test_a_recipe_from_the_future_is_refused_in_one_sentence() -> None:
    with pytest.raises(CfdError, match=r"^mine\.json: it was made by a newer version .* Update CFD Studio\.$"):
        resolve(json.loads(FORMAT_1) | {"format_version": FORMAT_VERSION + 1}, source="mine.json")


@pytest.mark.parametrize("version", ["1", None, -1, 0, [1], {}, float("nan"), float("inf"), 0.5, False])
def test_a_recipe_of_no_format_that_ever_was_is_refused_by_validation(version: Any) -> None:
    with pytest.raises(ConfigError, match="format_version"):
        resolve(json.loads(FORMAT_1) | {"format_version": version})


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "id", "stages", "schedule", "network", "format_version"]), inner)
    ),
    max_leaves=12,
)


@pytest.mark.usefixtures("to_2")
@given(_json, st.sampled_from(["network", "schedule", "stages"]), _json)
def test_garbage_never_raises_and_what_is_migrated_stays(raw: Any, section: str, content: Any) -> None:
    for one in (raw, {"format_version": 1, section: content}, {"format_version": 1, "stages": [content, raw]}):
        if isinstance(one, dict) and one.get("format_version") not in range(3):
            assert migrate(one) is one
            continue
        once = migrate(one)
        assert repr(migrate(once)) == repr(once)


@pytest.mark.parametrize("raw", [None, [], "x", 1, {}, {"format_version": True}, {"format_version": 1.0}])
def test_what_names_no_format_has_none(raw: Any) -> None:
    assert format_version(raw) is None
    assert migrate(raw) is raw


def test_every_older_format_has_a_step_to_the_next() -> None:
    assert set(range(2, FORMAT_VERSION + 1)) <= set(migration._STEPS)
