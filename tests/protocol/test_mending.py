"""Everything that is wrong with a recipe is told at once, and nothing that only seems wrong because of it."""

from typing import Any

import pytest

from cfd_studio.protocol.errors import ConfigError
from cfd_studio.protocol.plan import resolve, set_values


def _told(raw: Any) -> set[str]:
    with pytest.raises(ConfigError) as caught:
        resolve(raw)
    return {problem.path for problem in caught.value.problems}


def test_a_wrong_value_hides_nothing_that_is_wrong_elsewhere(mini_recipe: dict[str, Any]) -> None:
    raw = set_values(
        mini_recipe,
        [
            ("seed", "many"),
            ("colour", "red"),
            ("journal.log_every", 0),
            ("stages.teacher.optimization.steps", "x"),
            ("stages.judge.stem", "imagenet"),  # an mlp has none
            ("stages.pd.overrides", {"2": {"optimization": {"steps": 0}}}),
            ("stages.cfd.classifier", "judge"),
            ("evaluation.judge", "nobody"),
        ],
    )
    assert _told(raw) == {
        "seed",
        "colour",
        "journal.log_every",
        "stages.teacher.optimization.steps",
        "stages.judge.stem",
        "stages.pd-2.optimization.steps",
        "evaluation.judge",
    }


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("schedule.num_timesteps", "many"),
        ("stages.teacher.optimization.steps", 0),
        ("stages.pd.optimization.batch_size", None),
        ("stages.pd.sampling_steps", [4, "x"]),
        ("stages.cfd.classifier", 3),
        ("stages.cfd.kind", "feeture"),
        ("network.multipliers", [1, "x"]),
        ("network.conditional", "perhaps"),
        ("data.name", "cats"),
        ("data.image_size", "x"),
        ("stages.teacher", {"kind": "teacher"}),
        ("stages", 5),
    ],
)
def test_a_wrong_value_is_not_told_twice(mini_recipe: dict[str, Any], path: str, wrong: Any) -> None:
    if path == "stages.teacher":
        mini_recipe["stages"][2] = {"kind": "teacher"}
    elif path == "stages":
        mini_recipe["stages"] = 5
    else:
        mini_recipe = set_values(mini_recipe, [(path, wrong)])
    assert len(_told(mini_recipe)) == 1
