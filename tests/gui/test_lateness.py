"""How late the window's thread is while the digits job trains beside it; prints the figures (`pytest -m slow -s`)."""

import json
import statistics
import time
from typing import Any

import pytest
from PySide6.QtCore import QObject, Qt, QTimer

from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.resources import presets

INTERVAL = 0.016
IDLE_SECONDS, BUSY_SECONDS = 20, 75


class Heartbeat(QObject):
    """A 16 ms timer that notes how late each tick is, in milliseconds."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(round(INTERVAL * 1000))

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, (now - self._last - INTERVAL) * 1000))
        self._last = now

    def figures(self) -> tuple[float, float, float]:
        """Return p50, p99 and max of the ticks since the last call."""
        late, self.late = self.late, []
        cuts = statistics.quantiles(late, n=100)
        return cuts[49], cuts[98], max(late)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_window_is_on_time_while_the_digits_job_trains(desk: Any, tmp_path: Any) -> None:
    run = RunFolder.create(tmp_path / "digits", resolve(json.loads(presets()["digits"].read_text())))
    desk.open(run)
    heart = Heartbeat(desk.window)
    desk.qtbot.wait(500)
    heart.figures()
    desk.qtbot.wait(IDLE_SECONDS * 1000)
    idle = heart.figures()
    desk.train_until("teacher")
    heart.figures()
    desk.qtbot.wait(BUSY_SECONDS * 1000)
    busy = heart.figures()
    for name, (p50, p99, worst) in (("idle", idle), ("training", busy)):
        print(f"\nlateness, {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, max {worst:.1f} ms")
    assert desk.snapshot.state == "running"
    assert busy[1] < 33
