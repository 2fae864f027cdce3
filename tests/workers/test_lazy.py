"""Workers that are loaded when they are first needed."""

import queue
import subprocess
import sys
import threading
from typing import Any

import pytest

from cfd_studio.engine import mishaps
from cfd_studio.protocol.errands import ErrandAnswer, EstimateErrand
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest, in_a_row
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers import process
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.lazy import LazyWorkers


def test_a_wish_from_before_the_loading_is_answered(trained_run: RunFolder) -> None:
    workers = LazyWorkers(niceness=0)
    answers: list[SampleAnswer] = []
    arrived = threading.Event()

    def take(answer: SampleAnswer) -> None:
        answers.append(answer)
        arrived.set()

    workers.request(SampleRequest(trained_run.path, "teacher", 2, in_a_row(0, 3), device="cpu"), take)
    assert arrived.wait(60)
    workers.close()
    assert answers[0].error is None
    assert answers[0].images is not None
    assert answers[0].images.shape == (3, 1, 8, 8)


def test_an_errand_from_before_the_loading_is_carried_out_and_a_cancelled_one_is_not(mini_run: Any) -> None:
    workers = LazyWorkers(niceness=0)
    config = mini_run().config()
    unwanted: list[ErrandAnswer] = []
    answers: list[ErrandAnswer] = []
    arrived = threading.Event()

    def take(answer: ErrandAnswer) -> None:
        answers.append(answer)
        arrived.set()

    workers.run(EstimateErrand(config, device="cpu"), unwanted.append)
    workers.cancel_errands()
    workers.run(EstimateErrand(config, device="cuda:77"), take)
    assert arrived.wait(60)
    assert "device cuda:77" in str(answers[0].error)
    arrived.clear()
    workers.run(EstimateErrand(config, device="cuda:78"), take)
    assert arrived.wait(60)
    workers.close()
    assert "device cuda:78" in str(answers[1].error)
    assert unwanted == []


def test_workers_that_are_closed_before_they_were_asked_still_answer(mini_run: Any) -> None:
    workers = LazyWorkers(niceness=0)
    workers.close()
    answers: list[SampleAnswer] = []
    run = mini_run()
    workers.request(SampleRequest(run.path, "teacher", 2, in_a_row(0, 3), device="cpu"), answers.append)
    job = workers.start(run, ExecutionRequest(device="cpu", threads=1))
    assert job.wait(10)
    assert "closing" in (job.failure or "")
    assert "closing" in (answers[0].error or "")


_CLOSED_EARLY = """
import atexit, sys, threading, time
from cfd_studio.workers.lazy import LazyWorkers
assert "torch" not in sys.modules
workers = LazyWorkers()
workers.load()
while "torch" not in sys.modules:
    time.sleep(0.005)
workers.close()
atexit.register(lambda: print([one.name for one in threading.enumerate()]))
"""
_CLOSED_AT_WORK = """
import atexit, threading
from pathlib import Path
import torch
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.errands import ImportErrand
from cfd_studio.workers import errands

begun = threading.Event()

def serve(self, wish):
    matrix = torch.rand(1000, 1000)
    begun.set()
    for _ in range(8):
        matrix = torch.tanh(matrix @ matrix)

errands.ErrandRunner._serve = serve
errands.PATIENCE_SECONDS = 0.0
runner = errands.ErrandRunner(Turns())
runner.run(ImportErrand(Path("a"), Path("b")), print)
begun.wait(60)
runner.close()
assert runner._thread.is_alive()
atexit.register(lambda: print([one.name for one in threading.enumerate()]))
"""


@pytest.mark.parametrize("script", [_CLOSED_EARLY, _CLOSED_AT_WORK])
def test_the_program_does_not_end_under_torch(script: str) -> None:
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "['MainThread']", "")


def test_what_cannot_be_loaded_is_said_to_everyone(mini_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cfd_studio.workers.thread", None)
    workers = LazyWorkers(niceness=0)
    run = mini_run()
    answers: list[SampleAnswer] = []
    job = workers.start(run, ExecutionRequest(device="cpu", threads=1))
    errands: queue.SimpleQueue[ErrandAnswer] = queue.SimpleQueue()
    workers.run(EstimateErrand(run.config()), errands.put)
    workers.wait()
    workers.request(SampleRequest(run.path, "teacher", 2, in_a_row(0, 3)), answers.append)
    workers.run(EstimateErrand(run.config()), errands.put)
    assert job.wait(10)
    assert not job.alive
    assert "cannot be loaded" in (job.failure or "")
    assert "cannot be loaded" in (answers[0].error or "")
    assert ["cannot be loaded" in (errands.get(timeout=10).error or "") for _ in range(2)] == [True, True]
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


def test_a_process_of_its_own_waits_for_nothing_to_be_loaded(mini_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "resume_command", lambda *_: [sys.executable, "-c", "print('cfd-studio: Hello.')"])
    workers = LazyWorkers(niceness=0)
    monkeypatch.setattr(workers, "load", lambda: pytest.fail("torch is not needed for this"))
    for wish in ({"worker": "process"}, {"worker": "thread", "processes": 2}):
        job = workers.start(mini_run(name=str(len(wish))), ExecutionRequest(**wish))
        assert job.outlives
        assert job.wait(30)
        assert job.failure == "Hello."
    workers.close()


def test_after_an_error_of_the_device_jobs_get_a_process_of_their_own(
    mini_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cfd_studio.engine.loop import Loop

    workers = LazyWorkers(niceness=0)
    run = mini_run()
    monkeypatch.setattr(process, "resume_command", lambda *_: [sys.executable, "-c", "print('cfd-studio: Hello.')"])

    def fail_with(error: Exception) -> None:
        def broken(*_: object) -> None:
            raise error

        monkeypatch.setattr(Loop, "train", broken)

    for error, apart in (
        (RuntimeError("an error of ours"), False),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
    ):
        fail_with(error)
        job = workers.start(run, ExecutionRequest(device="cpu", threads=1))
        assert not job.outlives
        assert job.wait(60)
        assert workers.fitness.lost is apart
    job = workers.start(run, ExecutionRequest(device="cpu", threads=1))
    assert job.outlives
    assert job.wait(30)
    workers.close()


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("CUDA error: device-side assert triggered"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (RuntimeError("HIP error: the operation cannot be performed"), True),
        (MemoryError(), False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), False),
        (RuntimeError("shapes (3) and (4) do not match"), False),
        (CfdError("there is no usable CUDA device on this machine", where="device cuda:7"), False),
    ],
)
def test_only_errors_of_the_device_itself_count(error: Exception, lost: bool) -> None:
    fitness = Fitness()
    fitness.note(str(error))
    said_by_torch = fitness.lost
    fitness = Fitness()
    ended = mishaps.ending(error, "training", "teacher", "cuda:0", "the run goes on from step 5.")
    fitness.note(ended.sentence, ended.details)
    assert fitness.lost is lost
    assert said_by_torch is (lost and "HIP" not in str(error))
