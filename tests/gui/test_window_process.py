"""Jobs that the window starts in a process of their own."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.workers import process as process_module
from cfd_studio.workspace.settings import load_settings, settings_file


def holder_pid(run: RunFolder) -> int:
    holder = current_holder(run)
    assert holder is not None
    return holder.pid


@pytest.fixture
def long_run(mini_recipe: dict[str, Any], mini_run: Any) -> RunFolder:
    """Return a run whose only stage trains for minutes."""
    judge = mini_recipe["stages"][0]
    judge["optimization"]["steps"] = 1_000_000
    return mini_run(stages=[judge])


@pytest.fixture(autouse=True)
def _no_orphans(long_run: RunFolder) -> Iterator[None]:
    yield
    holder = current_holder(long_run)
    if holder is not None and holder.pid != os.getpid() and psutil.pid_exists(holder.pid):
        os.kill(holder.pid, signal.SIGKILL)


def choose(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> list[tuple[str, list[str]]]:
    """Answer every question in the person's place; returns what was asked and offered."""
    asked: list[tuple[str, list[str]]] = []

    def pick(parent: Any, title: str, text: str, answers: list[str], *, destructive: bool = False) -> str | None:
        asked.append((text, answers))
        return answer

    monkeypatch.setattr(dialogs, "choose", pick)
    return asked


def test_a_process_is_steered_left_running_found_again_and_stopped(
    desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(long_run)
    desk.wait(desk.header.where.isVisible)
    desk.header.workers["process"].trigger()
    assert desk.window.preferences.settings.worker == "process"
    desk.train_until("judge")
    pid = holder_pid(long_run)
    assert pid != os.getpid()
    assert "in another process" in desk.header.left.text()
    assert str(pid) in desk.header.chip.toolTip()
    assert desk.window.controller.jobs_here() == [long_run.path]
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    desk.click(desk.header.pause)
    desk.wait_state("running")
    asked = choose(monkeypatch, None)
    assert not desk.window.close()
    assert asked[0][1] == ["Leave running", "Stop and keep"]
    assert "in a process of its own" in asked[0][0]
    desk.qtbot.wait(300)
    assert desk.window.isVisible()  # the person changed their mind
    choose(monkeypatch, "Leave running")
    desk.window.close()
    desk.come_back()
    desk.open(long_run)
    seen = desk.snapshot.stages["judge"].step
    desk.wait(lambda: desk.snapshot.state == "running" and desk.snapshot.stages["judge"].step > seen)
    assert holder_pid(long_run) == pid
    assert len(long_run.jobs()) == 1
    desk.wait(desk.header.stop_keep.isEnabled)
    desk.header.stop_keep.trigger()
    desk.wait_state("stopped")
    desk.wait(lambda: not psutil.pid_exists(pid))
    desk.wait(lambda: desk.header.start.isVisible() and desk.header.start.isEnabled())


@pytest.mark.slow
def test_a_killed_process_is_lost_and_the_buttons_work_again(desk: Any, long_run: RunFolder) -> None:
    desk.window.preferences.settings = desk.window.preferences.settings.model_copy(update={"worker": "process"})
    desk.open(long_run)
    desk.train_until("judge")
    os.kill(holder_pid(long_run), signal.SIGKILL)
    desk.wait_state("lost")
    desk.wait(lambda: desk.window.banner.isVisible())
    assert desk.window.banner.sentence.text() == (
        "The job of this run ended without a word; its process is gone. Nothing saved is lost: Resume goes on from "
        f"{desk.snapshot.fallback()}."
    )
    desk.wait(lambda: desk.header.start.isVisible() and desk.header.start.isEnabled())
    assert desk.header.start.text() == "Resume"
    assert desk.window.controller.jobs_here() == []


def test_a_process_that_cannot_begin_frees_the_buttons(
    desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no torch here')"]
    monkeypatch.setattr(process_module, "resume_command", lambda *_: command)
    desk.window.preferences.settings = desk.window.preferences.settings.model_copy(update={"worker": "process"})
    desk.open(long_run)
    desk.click(desk.header.start)
    desk.wait(lambda: desk.window.banner.isVisible())
    said = desk.window.banner.sentence.text()
    assert said.startswith("The process ended with code 1 before the job began: no torch here. Its output lies in ")
    assert Path(said.removesuffix(".").rpartition(" ")[2]).parent == long_run.path
    desk.wait(lambda: desk.header.start.isEnabled() and desk.header.start.text() == "Start")


def test_closing_with_a_thread_and_a_process_can_leave_only_the_process(
    desk: Any, long_run: RunFolder, mini_run: Any, mini_recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = mini_run(name="other", stages=long_run.config().model_dump(mode="json")["stages"])
    desk.open(long_run)
    desk.train_until("judge")
    desk.open(other)
    desk.header.workers["process"].trigger()
    script = (
        "import pathlib, sys, time; [time.sleep(0.05) for _ in iter(lambda: pathlib.Path(sys.argv[1]).exists(), True)]"
    )
    release = other.path / "release"
    command = [sys.executable, "-c", script, str(release)]
    monkeypatch.setattr(process_module, "resume_command", lambda *_: command)
    choose(monkeypatch, "Start anyway")  # the device works already
    desk.click(desk.header.start)
    desk.wait(lambda: len(desk.window.controller.jobs_here()) == 2)
    asked = choose(monkeypatch, "Leave running")
    desk.window.close()
    desk.wait(lambda: not desk.window.isVisible())
    assert asked[0][1] == ["Leave running", "Stop and keep"]
    assert '"state":"stopped"' in long_run.jobs()[-1].journal.read_text().splitlines()[-1]
    assert not (other.path / "lease.json").exists()
    release.touch()


def test_a_job_after_an_error_of_the_device_moves_and_says_so(
    desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(1)"]
    monkeypatch.setattr(process_module, "resume_command", lambda *_: command)
    desk.window.controller._launcher.fitness.note("CUDA error: an illegal memory access was encountered")
    desk.open(long_run)
    desk.click(desk.header.start)
    desk.wait(lambda: desk.window.banner.isVisible())
    assert "the job runs in a process of its own" in desk.window.banner.sentence.text()
    assert desk.window.controller.jobs_here() == [long_run.path]
    assert not desk.window.controller.in_window(long_run.path)
    desk.wait(lambda: not desk.window.controller.jobs_here())


def test_a_run_is_resumed_by_the_plan_of_its_last_job(
    desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ExecutionRequest] = []
    monkeypatch.setattr(desk.window.controller, "start", lambda path, request: asked.append(request))
    desk.open(long_run)
    desk.click(desk.header.start)
    taken = {"precision": "bfloat16", "fast": FastPaths.none()}  # which the next job takes unasked
    plan = ExecutionPlan(device="cuda:1", threads=3, processes=2, accumulation=4, **taken)  # type: ignore[arg-type]
    long_run.new_job("train").write_plan(plan)
    long_run.new_job("train")  # died before it had a plan
    desk.window.following.nudge()
    desk.wait(lambda: desk.snapshot.plan is not None)
    desk.header.workers["process"].trigger()
    desk.click(desk.header.start)
    assert asked == [
        ExecutionRequest(device="cpu", threads=1),
        ExecutionRequest(device="cuda", threads=3, worker="process", processes=2, accumulation=4),  # one for each
    ]


def test_what_was_asked_of_the_machine_is_offered_again(
    desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.window.controller, "create", lambda *_: None)
    how = {"processes": 2, "accumulation": 4, "precision": "tf32", "fast": "channels_last=all"}
    wish = ExecutionRequest(device="cuda:1", threads=3, worker="process", **how)  # type: ignore[arg-type]
    desk.window.new_run.start_wanted.emit(long_run.path, long_run.config(), wish)
    desk.click(desk.window.sidebar.new)
    desk.wait(lambda: desk.window.pages.currentWidget() is desk.window.new_run)
    assert desk.window.new_run.machine.request() == wish
    desk.wait(lambda: settings_file().exists())
    assert load_settings().request == wish
    again = desk.window.beginnings.request_again(None, "cuda:1")  # of a run whose first job had no plan yet
    assert (again.precision, again.fast) == ("tf32", "channels_last=all")
    assert desk.window.beginnings.request_again(None, "cpu").precision == "auto"  # TF32 is nothing there


def test_resuming_in_more_parts_doubles_them_each_time(desk: Any, long_run: RunFolder) -> None:
    def stop() -> None:
        desk.wait(desk.header.stop_keep.isEnabled)
        desk.header.stop_keep.trigger()
        desk.wait_state("stopped")

    desk.open(long_run)
    desk.wait(desk.header.where.isVisible)
    assert not desk.header.split.isVisible()  # there was no batch yet that could have been too large
    desk.train_until("judge")
    stop()
    for parts in (2, 4):
        desk.wait(desk.header.split.isVisible)
        desk.header.split.trigger()
        desk.wait_state("running")
        plan = long_run.jobs()[-1].read_plan()
        assert plan is not None
        assert plan.accumulation == parts
        stop()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_job_of_two_processes_is_started_watched_and_stopped_like_any_other(
    desk: Any, mini_recipe: dict[str, Any], mini_run: Any
) -> None:
    for stage, steps in zip(mini_recipe["stages"], (12, 12, 100_000), strict=False):
        stage["optimization"]["steps"] = steps
    run = mini_run("shared", stages=mini_recipe["stages"][:3])
    desk.open(run)
    request = ExecutionRequest(device="cpu", threads=1, worker="process", processes=2)
    desk.window.controller.start(run.path, request)
    desk.wait(lambda: desk.snapshot.stages["teacher"].step > 20, 180_000)
    plan = run.jobs()[-1].read_plan()
    assert plan is not None
    assert plan.processes == 2
    desk.wait(desk.header.stop_keep.isEnabled)
    desk.header.stop_keep.trigger()
    desk.wait_state("stopped")
    desk.wait(lambda: current_holder(run) is None)
    desk.wait(lambda: not list(run.path.glob("output-*.txt")))
