"""What a redraw costs, and what many of them leave behind; prints the figures (`pytest -m slow -s`)."""

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest
from PySide6.QtWidgets import QApplication

from cfd_studio.gui.widgets.chart import Chart
from cfd_studio.gui.widgets.chart_line import LineData
from cfd_studio.gui.widgets.chart_marks import Marks

POINTS = 1_000_000
REDRAWS = 18_000  # half an hour of ten a second
MEBIBYTE = 2**20


@pytest.fixture
def charts(qtbot: Any) -> Any:
    """Return what makes charts that are shown."""
    made = []

    def make() -> Chart:
        widget = Chart()
        qtbot.addWidget(widget)
        widget.resize(900, 420)
        widget.show()
        qtbot.waitExposed(widget)
        made.append(widget)
        return widget

    yield make
    for widget in made:
        widget.close()


@pytest.fixture
def chart(charts: Callable[[], Chart]) -> Chart:
    """Return one chart."""
    return charts()


def _curves(count: int) -> tuple[Any, list[Any]]:
    steps, rng = np.arange(1.0, count + 1), np.random.default_rng(0)
    return steps, [np.exp(-3 * steps / count) * rng.uniform(0.5, 1.5, count) + 0.1 for _ in range(3)]


def _draw(chart: Chart, steps: Any, curves: list[Any], count: int) -> None:
    """Draw the first points as a feed hands them over, and paint."""
    lines = [LineData(str(key), str(key), steps[:count], one[:count], noisy=True) for key, one in enumerate(curves)]
    chart.show_lines(lines, len(steps), Marks(saved=tuple(range(0, count, POINTS // 20))))
    chart.view.viewport().repaint()


@pytest.mark.slow
def test_a_million_points_on_three_curves_are_redrawn_at_three_times_the_cost_of_three_thousand_at_most(
    charts: Callable[[], Chart],
) -> None:
    steps, curves = _curves(POINTS + 60 * 500)
    for smoothing, log in ((0.6, True), (0.0, False)):
        taken: dict[int, list[float]] = {POINTS: [], POINTS // 1000: []}
        shown = {points: charts() for points in taken}
        for chart in shown.values():
            chart.set_smoothing(smoothing)
            chart.set_scale(log=log, robust=True)
        for redraw in range(60):
            for points, chart in shown.items():  # in turns, and of processor time
                began = time.thread_time()
                _draw(chart, steps, curves, points + redraw * points // 2000)
                taken[points].append(1000 * (time.thread_time() - began))
                QApplication.processEvents()
        many, few = (np.median(ones[1:]) for ones in taken.values())
        first = taken[POINTS][0]
        print(f"\nsmoothing {smoothing}, log {log}: first {first:.1f}, then median {many:.1f} ms; few {few:.1f} ms")
        assert many < 3 * few  # measured: 1.5 to 1.7 times


@pytest.mark.slow
def test_half_an_hour_of_plotting_leaves_nothing_behind(chart: Chart) -> None:
    steps, curves = _curves(REDRAWS * 2)
    held, items = [], []
    for redraw in range(1, REDRAWS + 1):
        if redraw % 1000 == 0:  # a person changes something now and then
            chart.set_scale(log=not chart.log, robust=True)
            chart.set_newest(0.1 if redraw % 2000 else 0.0)
            chart.set_hidden(frozenset({"1"} if redraw % 3000 else ()))
        _draw(chart, steps, curves, 2 * redraw)
        chart.point_at(float(redraw))
        if redraw % 1000 == 0:
            QApplication.processEvents()
            gc.collect()
            held.append(psutil.Process().memory_info().rss)
            items.append(len(chart.view.scene().items()))
    print("\nMiB:", " ".join(f"{one / MEBIBYTE:.1f}" for one in held))
    later = held[len(held) // 3 :]
    assert max(later) - min(later) < 4 * MEBIBYTE
    assert len(set(items[2:])) == 1
