"""Curves against plain lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.runs.series import Series

_moves = st.lists(st.tuples(st.sampled_from(["append", "truncate"]), st.integers(0, 60), st.floats(-1e6, 1e6)))


@given(_moves)
def test_a_series_behaves_like_a_list_of_points(moves: list[tuple[str, int, float]]) -> None:
    series, model = Series(), {}
    handed_out = []
    for move, step, value in moves:
        handed_out.append((series.steps, series.values, list(model.items())))
        kept = {at: old for at, old in model.items() if (at < step if move == "append" else at <= step)}
        if move == "append":
            series.append(step, value)
            model = kept | {step: value}
        else:
            series.truncate(step)
            model = kept
    assert len(series) == len(model)
    assert series.steps.tolist() == list(model)
    assert series.values.tolist() == list(model.values())
    for steps, values, points in handed_out:  # nobody copies them
        assert list(zip(steps.tolist(), values.tolist(), strict=True)) == points


def test_a_long_curve_keeps_every_point() -> None:
    series = Series()
    for step in range(3000):
        series.append(step, step**0.5)
    np.testing.assert_array_equal(series.steps, np.arange(3000))
    np.testing.assert_array_equal(series.values, [step**0.5 for step in range(3000)])
