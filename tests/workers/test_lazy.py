"""Workers that are loaded when they are first needed."""

import sys
import threading
from typing import Any

import pytest

from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.lazy import LazyWorkers


def test_a_wish_from_before_the_loading_is_answered(trained_run: RunFolder) -> None:
    workers = LazyWorkers(niceness=0)
    answers: list[SampleAnswer] = []
    arrived = threading.Event()

    def take(answer: SampleAnswer) -> None:
        answers.append(answer)
        arrived.set()

    workers.request(SampleRequest(trained_run.path, "teacher", 2, seed=0, count=3, device="cpu"), take)
    assert arrived.wait(60)
    workers.close()
    assert answers[0].error is None
    assert answers[0].images is not None
    assert answers[0].images.shape == (3, 1, 8, 8)


def test_what_cannot_be_loaded_is_said_to_everyone(mini_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cfd_studio.workers.thread", None)
    workers = LazyWorkers(niceness=0)
    run = mini_run()
    answers: list[SampleAnswer] = []
    job = workers.start(run, ExecutionRequest(device="cpu", threads=1))
    workers.wait()
    workers.request(SampleRequest(run.path, "teacher", 2, seed=0, count=3), answers.append)
    assert job.wait(10)
    assert not job.alive
    assert "cannot be loaded" in (job.failure or "")
    assert "cannot be loaded" in (answers[0].error or "")
    workers.close()


def test_a_job_that_starts_lazily_trains(mini_run: Any) -> None:
    workers = LazyWorkers(niceness=0)
    run = mini_run()
    job = workers.start(run, ExecutionRequest(device="cpu", threads=1))
    assert job.alive
    assert job.wait(120)
    assert job.failure is None
    assert all(run.weights(stage.id).exists() for stage in run.config().stages)
    workers.close()
