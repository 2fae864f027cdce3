"""Several runs of one experiment: mean, spread, and what makes it one experiment."""

import copy
import statistics
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import Figure, Judgement, StageQuality
from cfd_studio.protocol.plan import resolve, set_values
from cfd_studio.protocol.study import differences, figures_over_runs, judgements_over_runs

MakeConfig = Callable[..., RunConfig]


def _figure(value: float, **changes: Any) -> Figure:
    return Figure(**{"space": "pixels", "reference": "held-out", "samples": 10, "value": value} | changes)


def _quality(stage: str, steps: int, *figures: Figure) -> StageQuality:
    judgement = Judgement(
        stage=stage, sampling_steps=steps, network_calls=steps, seconds_per_image=steps * 1e-3, figures=figures
    )
    return StageQuality(stage=stage, judgements=(judgement,))


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=8))
def test_mean_and_sample_deviation_over_runs(values: list[float]) -> None:
    (figure,) = figures_over_runs([[_figure(value)] for value in values])
    assert figure.value == pytest.approx(statistics.mean(values))
    assert figure.deviation == pytest.approx(statistics.stdev(values), abs=1e-6)
    assert figure.runs == len(values)


def test_three_runs_known_by_hand() -> None:
    (figure,) = figures_over_runs([[_figure(1.0)], [_figure(2.0)], [_figure(3.0)]])
    assert (figure.value, figure.deviation, figure.runs) == (2.0, 1.0, 3)  # not the 0.816 of a whole population


def test_one_run_has_no_spread() -> None:
    (figure,) = figures_over_runs([[_figure(1.5)]])
    assert (figure.value, figure.deviation, figure.runs) == (1.5, None, 1)


@pytest.mark.parametrize(
    "other",
    [{"space": "judge (mlp, 8 features)"}, {"reference": "train"}, {"metric": "recall"}, {"neighbours": 5}],
)
def test_what_was_measured_otherwise_is_not_mixed(other: dict[str, Any]) -> None:
    figures = figures_over_runs([[_figure(1.0), _figure(5.0, **other)], [_figure(3.0), _figure(7.0, **other)]])
    assert [figure.value for figure in figures] == [2.0, 6.0]


def test_models_are_kept_apart_and_an_unfinished_run_counts_where_it_can() -> None:
    unfinished = [_quality("teacher", 8, _figure(1.0))]
    finished = [_quality("teacher", 8, _figure(3.0)), _quality("pd-4", 4, _figure(5.0))]
    teacher, student = judgements_over_runs([unfinished, finished])
    assert (teacher.stage, teacher.sampling_steps, teacher.runs, teacher.figures[0].value) == ("teacher", 8, 2, 2.0)
    assert (student.stage, student.sampling_steps, student.runs, student.figures[0].deviation) == ("pd-4", 4, 1, None)
    assert teacher.seconds_per_image == pytest.approx(8e-3)


def test_seed_and_name_may_differ_and_nothing_else(mini_config: MakeConfig, mini_recipe: dict[str, Any]) -> None:
    config = mini_config()
    assert differences(config, mini_config(seed=77, name="Another")) == []
    for path, value in (
        ("prediction", "x"),
        ("evaluation.samples", 33),
        ("network.multipliers", [1, 1]),
        ("stages.teacher.optimization.learning_rate", 0.5),
        ("stages.judge.width", 16),
    ):
        other = resolve(set_values(copy.deepcopy(mini_recipe), [(path, value)]))
        assert differences(config, other) == differences(other, config) == [path]
    shorter = mini_config(stages=mini_recipe["stages"][:-1])
    assert differences(config, shorter) == ["stages"]


def test_all_differences_are_named(mini_config: MakeConfig, mini_recipe: dict[str, Any]) -> None:
    other = resolve(set_values(mini_recipe, [("stages.pd.optimization.steps", 5), ("data.name", "digits")]))
    assert differences(mini_config(), other) == ["stages.pd-4.optimization.steps", "stages.pd-2.optimization.steps"]
