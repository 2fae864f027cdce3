"""Curves: what is summed up, smoothed, ranged, drawn and read out."""

import itertools
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.chart import Chart
from cfd_studio.gui.widgets.chart_line import LineData
from cfd_studio.gui.widgets.chart_marks import Marks
from cfd_studio.gui.widgets.curve_math import fitting_range, log_ticks, smooth
from cfd_studio.gui.widgets.line_colours import COUNT, ColourBook, line_colour
from cfd_studio.gui.widgets.pyramid import MOST_POINTS, Pyramid


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9, 0.999])
def test_smoothing_is_the_weighted_mean_of_both_sides(weight: float) -> None:
    values = np.random.default_rng(0).normal(size=700)
    values[[0, 17, 400]] = np.nan
    known = np.isfinite(values).astype(np.float64)
    filled = np.where(known > 0, values, 0.0)
    index = np.arange(len(values))
    kernel = weight ** np.abs(index[:, None] - index[None, :]) * known
    with np.errstate(invalid="ignore"):
        expected = (kernel @ filled) / kernel.sum(1)
    np.testing.assert_allclose(smooth(filled, known, weight), expected, rtol=1e-9, atol=1e-12)


def test_a_long_curve_keeps_its_peaks_its_order_and_its_losses() -> None:
    steps = np.arange(1, 1_000_001, dtype=np.float64)
    values = np.sin(steps / 1000)
    values[123_456], values[777_777], values[[3, 500_000, 999_999]] = 9.0, -9.0, (np.nan, np.inf, -np.inf)
    pyramid = Pyramid()
    pyramid.show(steps, values)
    few_steps, few = pyramid.envelope(0, len(steps))
    assert len(few) <= MOST_POINTS + 2
    assert np.nanmax(few) == 9.0
    assert np.nanmin(few) == -9.0
    assert (np.diff(few_steps) > 0).all()
    assert list(pyramid.lost()) == [4, 500_001, 1_000_000]
    near_steps, near = pyramid.envelope(*pyramid.within(123_000, 124_000))
    np.testing.assert_array_equal(near, values[near_steps.astype(int) - 1])
    assert near_steps[0] == 122_999
    assert near_steps[-1] == 124_001


def test_a_growing_curve_comes_to_the_same_as_a_whole_one_even_where_a_run_went_back() -> None:
    rng = np.random.default_rng(0)
    steps, values = np.arange(1.0, 20_001.0), rng.normal(size=20_000)
    other = np.concatenate([values[:7000], rng.normal(size=13_000)])
    grown = Pyramid()
    for told, count in ((values, 0), (values, 1), (values, 5000), (values, 12_000), (other, 12_500), (other, 9000)):
        grown.show(steps[:count], told[:count].copy())
        whole = Pyramid()
        whole.show(steps[:count], told[:count])
        for first, last in ((0, count), (count // 3, count)):
            np.testing.assert_array_equal(grown.envelope(first, last), whole.envelope(first, last))
            np.testing.assert_array_equal(grown.trend(first, last, 40.0), whole.trend(first, last, 40.0))


@pytest.mark.parametrize(
    ("first", "last", "window"),
    [(40_000, 41_000, 3.0), (40_000, 41_000, 4e2), (0, 100_000, 4e3), (0, 100_000, 2e4)],
)
def test_the_smoothed_line_of_a_long_curve_is_that_of_its_points(first: int, last: int, window: float) -> None:
    steps = np.arange(1.0, 100_001.0)
    values = 1 / np.sqrt(steps + 3000) * np.random.default_rng(0).uniform(0.5, 1.5, len(steps))
    exact = smooth(values, np.ones_like(values), window / (1 + window))
    pyramid = Pyramid()
    pyramid.show(steps, values)
    at, line = pyramid.trend(first, last, window)
    np.testing.assert_allclose(line, np.interp(at, steps, exact), rtol=0.02)
    assert 50 < len(at) <= MOST_POINTS


def test_one_spike_does_not_ruin_the_range() -> None:
    values = np.linspace(1.0, 0.1, 500)
    values[250] = 1e30
    low, high = fitting_range(values, robust=True, from_zero=True) or (0, 0)
    assert low == 0.0
    assert high < 10
    assert (fitting_range(values, robust=False, from_zero=True) or (0, 0))[1] > 1e29
    assert (fitting_range(np.log10(values), robust=True, from_zero=False) or (0, 99))[1] < 5
    assert fitting_range(np.array([np.nan]), robust=True, from_zero=False) is None


@pytest.mark.parametrize(("low", "high"), [(-0.6, -0.1), (-3, 1), (-12, 3), (0.301, 0.302)])
def test_log_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 3 <= len(ticks) <= 14
    assert all(low <= tick <= high for tick in ticks)


# Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as people without one kind of cone see it.
_PROTAN = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
_DEUTAN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))


def _lab(colour: QColor, seen_as: Any) -> Any:
    encoded = np.array(colour.getRgbF()[:3])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(seen_as) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    x, y, z = np.cbrt(xyz / (0.9505, 1.0, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colour_blind_eyes_tell_the_lines_apart(qapp: QApplication, scheme: Any) -> None:
    theme.apply(qapp, scheme)
    for seen_as in (np.eye(3), _PROTAN, _DEUTAN):
        colours = [_lab(line_colour(index), seen_as) for index in range(COUNT)]
        assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(colours, 2)) > 19
        assert min(np.linalg.norm(one - _lab(theme.color("surface"), seen_as)) for one in colours) > 35


def test_a_line_keeps_its_colour_while_others_come_and_go() -> None:
    book = ColourBook()
    assert book.assign(["a", "b", "c"]) == {"a": 0, "b": 1, "c": 2}
    assert book.assign(["a", "c"]) == {"a": 0, "c": 2}
    assert book.assign(["d", "a", "e", "c"]) == {"d": 1, "a": 0, "e": 3, "c": 2}


_STEPS = np.arange(20.0, 2020.0, 20.0)


@pytest.fixture
def chart(qtbot: Any) -> Any:
    widget = Chart()
    qtbot.addWidget(widget)
    widget.resize(640, 360)
    widget.show()
    qtbot.waitExposed(widget)
    values = 1 / np.sqrt(_STEPS) * np.random.default_rng(0).uniform(0.8, 1.2, len(_STEPS))
    values[40] = np.nan
    _draw(widget, values)
    yield widget
    widget.close()


def _draw(chart: Chart, values: Any, steps: Any = _STEPS) -> None:
    lines = [
        LineData("loss", "Loss", steps, values, noisy=True),
        LineData("held-out", "Held-out", steps[::5], values[::5]),
    ]
    chart.show_lines(lines, 3000, Marks(saved=(500, 1000), resumed=(1000,), end=3000))


def test_a_linear_axis_seen_from_afar_becomes_a_logarithmic_one(chart: Chart) -> None:
    chart.set_scale(log=False, robust=True)
    chart.box.setYRange(-1e5, 1e5)
    chart.set_hidden(frozenset(chart.lines))  # nothing brings the range back
    chart.set_scale(log=True, robust=True)
    assert chart.box.viewRange()[1][1] > 300  # more decades than there are numbers


def test_log_and_linear(chart: Chart) -> None:
    low, high = chart.box.viewRange()[1]
    assert low < -1 < high < 0.5  # powers of ten
    drawn = chart.lines["loss"].faint.getData()[1]
    chart.set_scale(log=False, robust=True)
    low, high = chart.box.viewRange()[1]
    assert low == 0.0
    assert 0.2 < high < 0.4
    np.testing.assert_allclose(np.log10(chart.lines["loss"].faint.getData()[1]), drawn)


def test_smoothing_over_the_raw_line(chart: Chart) -> None:
    line = chart.lines["loss"]
    raw = line.faint.getData()[1].copy()

    def roughness() -> float:
        return float(np.nansum(np.abs(np.diff(line.strong.getData()[1][50:]))))

    chart.set_smoothing(0.0)
    rough = roughness()
    assert not line.faint.isVisible()
    chart.set_smoothing(0.9)
    assert roughness() < 0.5 * rough
    np.testing.assert_array_equal(line.faint.getData()[1], raw)


def test_what_happened_is_marked_and_said(chart: Chart) -> None:
    assert list(chart.marks.lost.getData()[0]) == [820.0]
    assert list(chart.marks.saved.getData()[0]) == [500.0, 1000.0]
    chart.point_at(1000.0)
    assert chart.happened() == ["checkpoint", "resumed"]
    chart.point_at(820.0)
    assert chart.happened() == ["not finite"]


def test_a_single_point_is_a_dot(chart: Chart) -> None:
    _draw(chart, np.array([0.5]), np.array([20.0]))
    assert list(chart.lines["loss"].dots.getData()[0]) == [20.0]
    _draw(chart, np.array([0.5, 0.4]), np.array([20.0, 40.0]))
    assert not chart.lines["loss"].dots.isVisible()


def test_the_pointer_and_keys_read_every_line(chart: Chart, qtbot: Any) -> None:
    def place(step: float) -> QPoint:
        return chart.view.mapFromScene(chart.box.mapViewToScene(QPointF(step, -1.0)))

    with qtbot.waitSignal(chart.pointed) as told:
        QTest.mouseMove(chart.view.viewport(), place(104.0))
    assert told.args == [100.0]
    readings = chart.readings()
    loss, held_out = readings["loss"], readings["held-out"]
    assert loss is not None
    assert held_out is not None
    assert loss.value == chart.lines["loss"].values[4]
    assert loss.smoothed == pytest.approx(np.interp(100, *chart.lines["loss"]._trend))
    assert (held_out.step, held_out.smoothed) == (120.0, None)
    with qtbot.waitSignal(chart.pointed) as told:
        QTest.keyClick(chart, Qt.Key.Key_Right)
    assert told.args[0] > 100.0
    with qtbot.waitSignal(chart.pointed) as told:
        QApplication.sendEvent(chart, QEvent(QEvent.Type.Leave))
    assert told.args == [None]


def test_zooming_frees_and_a_double_click_shows_all_again(chart: Chart, qtbot: Any) -> None:
    middle = chart.view.viewport().rect().center()
    before = chart.box.viewRange()
    wheel = QWheelEvent(
        QPointF(middle), QPointF(chart.view.viewport().mapToGlobal(middle)), QPoint(), QPoint(0, 240),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    with qtbot.waitSignal(chart.range_taken):
        QApplication.sendEvent(chart.view.viewport(), wheel)
    wide = chart.range.steps[1] - chart.range.steps[0]
    assert wide < before[0][1] - before[0][0]
    with qtbot.waitSignal(chart.range_taken):  # a box is drawn with the left button
        QTest.mousePress(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=middle - QPoint(80, 60))
        for at in (middle, middle + QPoint(80, 60)):
            QTest.mouseMove(chart.view.viewport(), at)
        QTest.mouseRelease(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=middle + QPoint(80, 60))
    zoomed = chart.box.viewRange()
    assert zoomed[0][1] - zoomed[0][0] < 0.6 * wide
    longer = np.arange(20.0, 2440.0, 20.0)
    _draw(chart, 1 / longer, longer)
    assert chart.box.viewRange() == zoomed
    with qtbot.waitSignal(chart.whole_wanted):
        QTest.mouseDClick(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert chart.range.steps[1] > 2400


def test_the_last_steps_are_followed(chart: Chart) -> None:
    chart.set_newest(100.0)
    first, last = chart.range.steps
    assert (first, last) == (pytest.approx(1900, abs=10), pytest.approx(2005, abs=10))
    drawn = chart.lines["loss"].faint.getData()[0]
    assert drawn[0] == 1880.0  # only what is in sight, and a point on either side
    longer = np.arange(20.0, 2440.0, 20.0)
    _draw(chart, 1 / longer, longer)
    assert chart.range.steps[0] == pytest.approx(2320, abs=10)
    chart.set_newest(0.1)
    assert chart.range.steps[0] == pytest.approx(2420 * 0.9, abs=15)


def test_hidden_lines_do_not_count(chart: Chart) -> None:
    spiky = np.where(_STEPS == 500.0, 1e9, 0.1)
    chart.show_lines([LineData("a", "A", _STEPS, spiky), LineData("b", "B", _STEPS, spiky * 0 + 1.0)], 3000, Marks())
    chart.set_scale(log=False, robust=False)
    assert chart.box.viewRange()[1][1] > 1e8
    chart.set_hidden(frozenset({"a"}))
    assert chart.box.viewRange()[1][1] < 10
    assert not chart.lines["a"].strong.isVisible()
