"""Hours of use in minutes: what a process holds must not grow; prints the figures (`pytest -m slow -s`)."""

import contextlib
import ctypes
import gc
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from cfd_studio.gui import run_feed
from cfd_studio.gui.collector import Collector
from cfd_studio.gui.widgets import dialogs
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror

MEBIBYTE = 2**20
# Bytes. What the C library keeps swings by some MiB; tensors are counted, so that none can hide there.
PER_CYCLE = 128 * 1024
PER_POINT = 640  # of a curve: some numbers in the mirror, its copy and the plot, in arrays that grow with room to spare
# Every thread has to have passed through every arena of the C library once.
WARM_UP = 100


@dataclass(frozen=True)
class Holdings:
    """What this process holds at one moment."""

    memory: int
    threads: int
    files: int
    timers: int
    widgets: int
    windows: int
    tensors: int

    @classmethod
    def now(cls, window: QObject) -> "Holdings":
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # what is free but kept by the C library is not held by us
        process = psutil.Process()
        return cls(
            memory=process.memory_info().rss,
            threads=threading.active_count(),
            files=process.num_fds(),
            timers=sum(timer.isActive() for timer in window.findChildren(QTimer)),
            widgets=len(QApplication.allWidgets()),
            windows=len(QApplication.topLevelWidgets()),
            tensors=sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()),
        )

    @property
    def countable(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("threads", "files", "timers", "widgets", "windows", "tensors")}


def slope(amounts: list[int]) -> float:
    """Return the median of all pairwise slopes per entry: what one entry adds, whatever a few outliers say."""
    values = np.asarray(amounts, dtype=np.float64)
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first)))


def test_a_slope_is_found_under_noise_and_steps() -> None:
    rng = random.Random(0)
    assert slope([100 + 3 * index + rng.choice([0, 0, 0, 40]) for index in range(60)]) == pytest.approx(3, abs=0.5)
    assert slope([100] * 20 + [140] * 60) == 0


@pytest.fixture
def cycle(
    desk: Any, mini_recipe: dict[str, Any], mini_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Return a function that starts a job, does something with it and stops it; it returns what it did."""
    stages = [stage for stage in mini_recipe["stages"] if stage["id"] in ("judge", "teacher")]
    stages[1]["optimization"]["steps"] = 1_000_000
    runs = [mini_run(name=f"run-{index}", stages=stages[:2]) for index in range(4)]
    for run in runs:
        desk.open(run)
    desk.wait(lambda: len(desk.window.welcome.cards) == len(runs))  # the first page shows each
    chance = random.Random(11)
    monkeypatch.setattr(run_feed, "POLL_SECONDS", 0.02)
    desk.window.ticking.timer.setInterval(20)
    monkeypatch.setattr(dialogs, "choose", lambda *arguments, **_: arguments[3][0])

    def once() -> str:
        index = chance.randrange(len(runs))
        desk.open(runs[index])
        desk.click(desk.header.start)
        desk.wait(lambda: desk.snapshot.state == "running" and desk.snapshot.current_stage == "teacher")
        done = [f"run {index}"]
        if chance.random() < 0.5:
            desk.click(desk.header.pause)
            desk.wait_state("paused")
            done.append("pause")
            if chance.random() < 0.3:
                desk.click(desk.header.save)
                desk.wait(lambda: desk.header.save.text() == "Save now")
                done.append("save")
            if chance.random() < 0.7:
                desk.click(desk.header.pause)
                desk.wait_state("running")
                done.append("resume")
        stop = chance.choice([desk.header.stop_keep, desk.header.stop_discard])
        desk.wait(stop.isEnabled)
        stop.trigger()
        desk.wait(lambda: desk.snapshot.state == "stopped" and not desk.window.controller.jobs_here())
        done.append("keep" if stop is desk.header.stop_keep else "discard")
        return ", ".join(done)

    return once


def _at_rest(desk: Any) -> dict[str, int]:
    """Return the least of several looks: one may fall into the moment in which a feed reads a file."""
    looks = []
    for _ in range(3):
        desk.qtbot.wait(70)
        looks.append(Holdings.now(desk.window).countable)
    return {name: min(look[name] for look in looks) for name in looks[0]}


def test_a_few_cycles_leave_nothing_behind(desk: Any, cycle: Callable[[], str]) -> None:
    for _ in range(6):
        cycle()
    before = _at_rest(desk)
    for _ in range(6):
        cycle()
    after = _at_rest(desk)
    assert {name: after[name] - before[name] for name in before if after[name] > before[name]} == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_cycles_leave_nothing_behind(desk: Any, cycle: Callable[[], str]) -> None:
    Collector(desk.window)  # as in the application
    began = time.monotonic()
    held = []
    for number in range(200):
        did = cycle()
        if number < WARM_UP:
            continue
        held.append(Holdings.now(desk.window))
        if number % 10 == 0:
            print(f"\ncycle {number} ({did}): {held[-1].memory / MEBIBYTE:.1f} MiB, {held[-1].countable}", end="")
    growth = slope([one.memory for one in held])
    print(f"\n200 cycles in {time.monotonic() - began:.0f} s; memory grows by {growth / 1024:.1f} KiB per cycle")
    for name in held[0].countable:
        values = [one.countable[name] for one in held]
        print(f"{name}: {min(values)} to {max(values)}, at the end {values[-1]}, slope {slope(values):.3f}")
        assert slope(values) == 0
        assert min(values[-10:]) <= min(values[:10])
    assert growth < PER_CYCLE


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_turns_of_the_queue_leave_nothing_behind(
    desk: Any, mini_recipe: dict[str, Any], mini_run: Callable[..., RunFolder]
) -> None:
    judge = mini_recipe["stages"][0]
    judge["optimization"]["steps"] = 1_000_000
    runs = [mini_run(name=f"run-{index}", stages=[judge]) for index in range(3)]
    window, queue = desk.window, desk.window.queue
    Collector(window)
    desk.wait(lambda: queue.ours)
    held = []
    for turn in range(50):
        desk.click(window.sidebar.queue)
        for run in runs:
            window.queue_desk.enqueue_again(run.path)
        desk.wait(lambda: len(queue.queue.entries) == 3 and window.controller.jobs_here())
        working = window.controller.jobs_here()[0]
        desk.open(RunFolder(working))
        desk.wait(desk.header.stop_keep.isEnabled)
        desk.click(window.sidebar.queue)
        desk.click(window.queue_panel.pause)
        desk.header.stop_keep.trigger()
        desk.wait(lambda: not window.controller.jobs_here() and not queue.queue.in_state("running"))
        while queue.queue.entries:
            desk.click(window.queue_panel.remove)
        desk.click(window.queue_panel.start)
        if turn >= 10:
            held.append(Holdings.now(window))
    for name in held[0].countable:
        values = [one.countable[name] for one in held]
        print(f"{name}: {min(values)} to {max(values)}, slope {slope(values):.3f}")
        assert slope(values) == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_steps_beside_the_window(
    desk: Any, mini_recipe: dict[str, Any], mini_run: Callable[..., RunFolder]
) -> None:
    steps, log_every = 100_000, 10
    tiny = {"steps": steps, "batch_size": 1, "learning_rate": 0.001}
    judge = {"kind": "classifier", "id": "judge", "architecture": "mlp", "width": 4, "optimization": tiny}
    journal = {"log_every": log_every, "held_out_every": 1000, "checkpoint_every": 10_000, "keep_checkpoints": 2}
    run = mini_run(stages=[judge], journal=journal)
    Collector(desk.window)
    desk.open(run)
    desk.click(desk.header.start)
    held: list[tuple[int, Holdings]] = []
    began = time.monotonic()
    while desk.snapshot.state != "finished":
        step = desk.snapshot.stages["judge"].step
        if step >= steps // 5 and (not held or step - held[-1][0] >= 1000):
            held.append((step, Holdings.now(desk.window)))
        desk.qtbot.wait(100)
    seconds = time.monotonic() - began
    growth = slope([one.memory for _, one in held])
    first, last = held[0][1], held[-1][1]
    print(f"\n{steps:,} steps in {seconds:.0f} s, {len(held)} looks")
    for step, one in held[:: len(held) // 16 or 1]:
        print(f"step {step:,}: {one.memory / MEBIBYTE:.1f} MiB, {one.countable}")
    print(f"memory grows by {growth / 1024:.1f} KiB per 1,000 steps")
    assert last.threads <= first.threads
    files = [one.files for _, one in held]
    assert min(files[-10:]) <= min(files[:10])  # a look may fall into the moment in which a file is read
    assert (last.timers, last.windows) == (first.timers, first.windows)
    mirror = RunMirror(run)
    mirror.refresh()
    expected = np.arange(log_every, steps + 1, log_every)
    np.testing.assert_array_equal(mirror.stages["judge"].loss.steps, expected)
    np.testing.assert_array_equal(desk.snapshot.stages["judge"].loss.steps, expected)
    drawn = next(iter(desk.page.curves.chart.lines.values())).steps
    np.testing.assert_array_equal(drawn, expected)
    assert growth / (1000 / log_every) < PER_POINT
