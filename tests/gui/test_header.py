"""The head of a run, shown snapshots of its own: what the job takes of the machine, and what cannot be interrupted."""

from collections.abc import Callable
from typing import Any

import pytest

from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.gui.panels.header import Header
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.runs.status import JobStatus


@pytest.fixture
def show(qtbot: Any, tmp_path: Any, mini_config: Callable[..., RunConfig]) -> Callable[..., Header]:
    header = Header()
    qtbot.addWidget(header)
    config = mini_config()
    stages = {stage.id: StageSnapshot(stage.id, total_steps=stage.steps) for stage in config.stages}

    def of(phase: str, *asked: str, **fields: Any) -> Header:
        status = JobStatus(phase=phase)
        snapshot = RunSnapshot(tmp_path, config, "running", stages=stages, status=status, device="cpu", **fields)
        header.show_run(snapshot, frozenset(asked), ours=True)
        return header

    return of


def test_what_the_job_takes_is_said_where_it_is_not_plain(show: Callable[..., Header]) -> None:
    plan = ExecutionPlan(device="cpu", threads=2)
    header = show("training", plan=plan)
    assert header.left.text().endswith(" · cpu")
    assert "The newest job: on cpu with 2 threads." in header.left.toolTip()
    fast = FastPaths(channels_last="frozen", compilation="default")
    header = show(
        "training",
        plan=plan.model_copy(update={"precision": "bfloat16", "distillation_precision": "bfloat16", "fast": fast}),
    )
    assert header.left.text().endswith(" · cpu, bfloat16")
    assert "on cpu with 2 threads, bfloat16, channels last (frozen), compiled." in header.left.toolTip()


def test_compiling_is_named_and_stop_says_that_it_waits_for_it(show: Callable[..., Header]) -> None:
    header = show("compiling")
    assert header.chip.text() == "Compiling"
    assert header.stop.isEnabled()
    words = "Compiling cannot be interrupted: Stop takes effect right after it"
    assert words in header.stop.toolTip()
    assert words not in header.left.text()
    header = show("compiling", "stop-keep")
    assert header.left.text() == words
    header = show("training", "stop-keep")
    assert words not in header.left.text() + header.stop.toolTip()
