"""Jobs in a thread of this process."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import inbox
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.workers import thread as module
from cfd_studio.workers.priority import lower_priority
from cfd_studio.workers.thread import ThreadLauncher

MakeRun = Callable[..., RunFolder]
REQUEST = ExecutionRequest(device="cpu", threads=1)


def test_a_job_starts_works_and_stops_when_asked(mini_run: MakeRun, mini_recipe: dict[str, Any]) -> None:
    mini_recipe["stages"][0]["optimization"]["steps"] = 100_000
    run = mini_run(stages=mini_recipe["stages"][:1])
    job = ThreadLauncher(Turns()).start(run, REQUEST)
    deadline = time.monotonic() + 60
    while run_state(run)[0] not in ("starting", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert job.alive
    assert not job.wait(0.05)
    second = ThreadLauncher(Turns()).start(run, REQUEST)
    assert second.wait(30)
    assert second.failure is not None
    assert "another trainer" in second.failure
    assert second.ended is None
    inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_KEEP))
    assert job.wait(60)
    assert not job.alive
    assert job.failure is None
    assert job.ended is not None
    assert job.ended.state is JobState.STOPPED
    assert run_state(run)[0] not in ("starting", "running")


def test_why_a_job_could_not_begin_is_a_sentence(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mini_run()
    Lease.acquire(run)
    job = ThreadLauncher(Turns()).start(run, REQUEST)
    assert job.wait(30)
    assert job.failure is not None
    assert "another trainer" in job.failure

    def broken(*args: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(module, "run_job", broken)
    job = ThreadLauncher(Turns()).start(run, REQUEST)
    assert job.wait(30)
    assert job.failure is not None
    assert "no luck" in job.failure
    assert "\n" not in job.failure


def test_a_thread_is_nice_and_its_process_is_not() -> None:
    import os
    import sys
    import threading

    if sys.platform != "linux":
        pytest.skip("only Linux knows the niceness of a thread")
    seen: list[int] = []
    before = os.getpriority(os.PRIO_PROCESS, 0)

    def work() -> None:
        lower_priority(7)
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [max(7, before)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
