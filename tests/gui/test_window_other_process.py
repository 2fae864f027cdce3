"""A run that another process trains, opened in the window."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cfd_studio.runs.folder import RunFolder

_TRAIN = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from cfd_studio.engine.job import run_job
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
run_job(RunFolder(Path(sys.argv[1])), ExecutionRequest(device="cpu", threads=1))
"""


@pytest.fixture
def trainer(long_run: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", _TRAIN, str(long_run.path)])
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def test_it_is_followed_and_steered(desk: Any, long_run: RunFolder, trainer: subprocess.Popen[bytes]) -> None:
    desk.open(long_run)
    desk.wait(lambda: desk.snapshot.stages["teacher"].step > 0)
    assert desk.window.controller.jobs_here() == []
    assert "in another process" in desk.header.left.text()
    assert str(trainer.pid) in desk.header.chip.toolTip()
    seen = desk.snapshot.stages["teacher"].step
    began = time.monotonic()
    desk.wait(lambda: desk.snapshot.stages["teacher"].step > seen)
    assert time.monotonic() - began < 1.0
    drawn = next(iter(desk.page.curves.chart.lines.values())).steps
    assert drawn[-1] >= seen
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    desk.click(desk.header.pause)
    desk.wait_state("running")
    desk.header.stop_keep.trigger()
    desk.wait_state("stopped")
    assert trainer.wait(20) == 0
    desk.wait(lambda: desk.header.start.isVisible() and desk.header.start.isEnabled())


def test_closing_does_not_touch_it(desk: Any, long_run: RunFolder, trainer: subprocess.Popen[bytes]) -> None:
    desk.open(long_run)
    desk.wait(lambda: desk.snapshot.active)
    assert desk.window.close()
    assert trainer.poll() is None


def test_a_killed_trainer_is_lost_and_can_be_resumed(
    desk: Any, long_run: RunFolder, trainer: subprocess.Popen[bytes]
) -> None:
    desk.open(long_run)
    desk.wait(lambda: desk.snapshot.stages["teacher"].step > 10)
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    trainer.kill()
    trainer.wait()
    desk.wait_state("lost")
    assert desk.header.chip.text() == "Lost"
    desk.wait(lambda: desk.window.banner.isVisible())
    assert desk.snapshot.fallback() in desk.window.banner.sentence.text()
    desk.click(desk.header.start)
    desk.wait_state("running")
    assert desk.window.controller.jobs_here() == [long_run.path]


def test_a_run_opened_from_elsewhere_joins_the_list_and_stays_there(desk: Any, mini_run: Any) -> None:
    run = mini_run()
    desk.open(run)
    desk.wait(lambda: run.path in [summary.path for summary in desk.window.sidebar.model.runs])
    assert desk.window.preferences.settings.opened == (run.path,)
