"""Curves: what is drawn, smoothed, thinned and read out."""

from typing import Any

import numpy as np
import pytest
from cfd_studio.gui.widgets.curve_plot import CurvePlot

from cfd_studio.gui.widgets.curve_math import log_ticks, robust_range, smooth, thin


@pytest.mark.parametrize("weight", [0.3, 0.9, 0.999])
def test_smoothing_is_the_weighted_mean_of_both_sides(weight: float) -> None:
    values = np.random.default_rng(0).normal(size=700)
    values[[0, 17, 400]] = np.nan
    known = np.isfinite(values)
    index = np.arange(len(values))
    kernel = weight ** np.abs(index[:, None] - index[None, :]) * known
    expected = (kernel * np.where(known, values, 0.0)).sum(1) / kernel.sum(1)
    np.testing.assert_allclose(smooth(values, weight), expected, rtol=1e-9, atol=1e-12)


def test_smoothing_does_not_lag() -> None:
    line = np.linspace(5.0, 1.0, 201)
    assert smooth(line, 0.9)[100] == pytest.approx(line[100], abs=1e-6)


def test_no_smoothing_changes_nothing() -> None:
    values = np.arange(5.0)
    assert smooth(values, 0.0) is values


def test_thinning_keeps_peaks_and_order() -> None:
    steps = np.arange(1, 1_000_001, dtype=np.float64)
    values = np.sin(steps / 1000)
    values[123_456], values[777_777] = 9.0, -9.0
    few_steps, few = thin(steps, values)
    assert len(few) <= 2002
    assert few.max() == 9.0
    assert few.min() == -9.0
    assert (np.diff(few_steps) > 0).all()


def test_one_spike_does_not_ruin_the_range() -> None:
    values = np.linspace(1.0, 0.1, 500)
    values[250] = 1e30
    low, high = robust_range([values], log=False)
    assert low == 0.0
    assert high < 10
    assert robust_range([np.array([np.nan])], log=True) is None


@pytest.mark.parametrize(("low", "high"), [(-0.6, -0.1), (-3, 1), (-12, 3), (0.301, 0.302)])
def test_log_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 3 <= len(ticks) <= 14
    assert all(low <= tick <= high for tick in ticks)


@pytest.fixture
def plot(qtbot: Any) -> Any:
    widget = CurvePlot()
    qtbot.addWidget(widget)
    widget.resize(640, 360)
    widget.show()
    steps = np.arange(20.0, 2020.0, 20.0)
    values = 1 / np.sqrt(steps) * np.random.default_rng(0).uniform(0.8, 1.2, len(steps))
    values[40] = np.nan
    widget.show_curves((steps, values), (steps[::5], values[::5]), 3000)
    yield widget
    widget.close()


def test_log_and_linear(plot: CurvePlot) -> None:
    assert plot.log
    (low, high) = plot.view.viewRange()[1]
    assert low < -1 < high < 0.5  # powers of ten
    drawn = plot.raw_line.getData()[1]
    plot.set_log(False)
    (low, high) = plot.view.viewRange()[1]
    assert low == 0.0
    assert 0.2 < high < 0.4
    np.testing.assert_allclose(np.log10(plot.raw_line.getData()[1]), drawn)


def test_smoothing_over_the_raw_line(plot: CurvePlot) -> None:
    raw = plot.raw_line.getOriginalDataset()[1].copy()

    def roughness() -> float:
        line = plot.smoothed_line.getOriginalDataset()[1]
        return float(np.nansum(np.abs(np.diff(np.log(line[50:])))))

    plot.set_smoothing(0.0)
    rough = roughness()
    plot.set_smoothing(0.9)
    assert roughness() < 0.5 * rough
    np.testing.assert_array_equal(plot.raw_line.getOriginalDataset()[1], raw)


def test_not_finite_is_marked(plot: CurvePlot) -> None:
    assert list(plot._lost.getData()[0]) == [820.0]


def test_a_single_point_is_a_dot(plot: CurvePlot) -> None:
    few = (np.array([20.0]), np.array([0.5]))
    plot.show_curves(few, (np.empty(0), np.empty(0)), 3000)
    assert list(plot.smoothed_line.scatter.getData()[0]) == [20.0]
    more = (np.array([20.0, 40.0]), np.array([0.5, 0.4]))
    plot.show_curves(more, (np.empty(0), np.empty(0)), 3000)
    assert not plot.smoothed_line.scatter.isVisible()


def test_hover_reads_the_nearest_point(plot: CurvePlot) -> None:
    found = plot.read(104.0)
    assert found is not None
    assert found["step"] == 100.0
    assert found["raw"] == plot._raw[1][4]
    assert {"step", "raw", "smoothed", "calm"} == set(found)


def test_zooming_frees_and_following_returns(plot: CurvePlot) -> None:
    box = plot.view.getPlotItem().getViewBox()
    before = plot.view.viewRange()
    box.scaleBy((0.2, 0.2))
    box.sigRangeChangedManually.emit(box.state["mouseEnabled"])
    zoomed = plot.view.viewRange()
    steps = np.arange(20.0, 2440.0, 20.0)
    plot.show_curves((steps, 1 / steps), plot._calm, 3000)
    assert not plot.following
    assert plot.view.viewRange() == zoomed != before
    plot.follow_range()
    assert plot.view.viewRange()[0][1] > 2400


def test_the_panel_follows_the_stage_in_training_unless_one_is_picked(desk: Any, long_run: Any) -> None:
    desk.open(long_run)
    desk.train_until("teacher")
    curves = desk.page.curves
    desk.wait(lambda: curves.stage == "teacher")
    assert curves.follow.isChecked()
    desk.page.stages.tree.cards["judge"].click()
    assert curves.stage == "judge"
    assert not curves.follow.isChecked()
    assert desk.page.stages.tree.cards["judge"].isChecked()
    assert not desk.page.stages.tree.cards["teacher"].isChecked()
    desk.qtbot.wait(400)
    assert curves.stage == "judge"
    desk.click(curves.follow)
    assert curves.stage == "teacher"
    assert "images/s" in curves.rate.text()
    desk.wait(lambda: curves.raw.value() and curves.held_out.value())
