"""Errands: one after the other, cancelled between steps, errors as sentences, beside a job that never notices."""

import queue
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.engine import estimate as estimating
from cfd_studio.engine.trainer import Trainer
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errands import Errand, ErrandAnswer, EstimateErrand, EvaluateErrand, ExportErrand, ImportErrand
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.wishes import Wishes
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers import errands as working
from cfd_studio.workers.errands import ErrandRunner
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.thread import ThreadLauncher

MakeConfig = Callable[..., RunConfig]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "SPAN", 0.0)
    monkeypatch.setattr(estimating, "PATIENCE", {"cpu": 0.0})
    monkeypatch.setattr(estimating, "choose_threads", lambda *_: 1)


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def runner(turns: Turns) -> Iterator[ErrandRunner]:
    made = ErrandRunner(turns)
    yield made
    made.close()
    made._thread.join(60)
    assert not made._thread.is_alive()


@pytest.fixture
def small(mini_recipe: dict[str, Any], mini_config: MakeConfig) -> RunConfig:
    return mini_config(stages=mini_recipe["stages"][2:3], evaluation={"samples": 16})


def _ask(runner: ErrandRunner, errand: Errand) -> ErrandAnswer:
    answers: queue.Queue[ErrandAnswer] = queue.Queue()
    runner.run(errand, answers.put)
    return answers.get(timeout=60)


def _stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
    monkeypatch.setitem(sys.modules, f"cfd_studio.engine.{name}", types.SimpleNamespace(**functions))


def test_an_estimate_comes_back_with_its_errand(runner: ErrandRunner, small: RunConfig) -> None:
    errand = EstimateErrand(small, device="cpu")
    answer = _ask(runner, errand)
    assert answer.errand is errand
    assert answer.error is None
    assert answer.estimate is not None
    assert [one.stage for one in answer.estimate.stages] == ["teacher"]
    assert answer.sentence


def test_errands_are_done_one_after_the_other_the_oldest_first(
    runner: ErrandRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    busy = threading.Lock()
    asked: list[Any] = []

    def bring_in(file: Path, folder: Path, *, data: str, image_size: int, name: str) -> str:
        assert busy.acquire(blocking=False)
        asked.append((file.name, folder.name, data))
        busy.release()
        return f"Brought in {file.name}."

    def bring_out(run: Path, stage: str, to: str, out: Path, *, device: str) -> str:
        assert busy.acquire(blocking=False)
        asked.append((run.name, stage, to, out.name, device))
        busy.release()
        return "Written."

    _stand_in(monkeypatch, "importing", import_checkpoint=bring_in)
    _stand_in(monkeypatch, "exporting", export_model=bring_out)
    answers: queue.Queue[ErrandAnswer] = queue.Queue()
    runner.run(ImportErrand(tmp_path / "ckpt.pt", tmp_path / "new", "cifar10"), answers.put)
    runner.run(ExportErrand(tmp_path / "run", "teacher", "onnx", tmp_path / "x.onnx", "cpu"), answers.put)
    assert [answers.get(timeout=60).sentence for _ in range(2)] == ["Brought in ckpt.pt.", "Written."]
    assert asked == [("ckpt.pt", "new", "cifar10"), ("run", "teacher", "onnx", "x.onnx", "cpu")]


def test_a_cancelled_errand_ends_between_two_steps_and_gets_no_answer(
    runner: ErrandRunner, turns: Turns, small: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    step = Trainer.step

    def counted(trainer: Trainer) -> None:
        nonlocal steps
        steps += 1
        step(trainer)

    monkeypatch.setattr(Trainer, "step", counted)
    answers: queue.Queue[ErrandAnswer] = queue.Queue()
    with turns:  # the first waits for the device, the second behind it
        runner.run(EstimateErrand(small, device="cpu"), answers.put)
        runner.run(EstimateErrand(small, device="cpu"), answers.put)
        while not turns._waiting:
            threading.Event().wait(0.005)
        runner.cancel_errands()
    assert _ask(runner, EstimateErrand(small, device="cuda:77")).error  # nothing else is waiting any more
    assert answers.empty()
    assert steps == 0


def test_what_goes_wrong_is_a_sentence_and_the_next_errand_is_done(
    runner: ErrandRunner, small: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    errors: list[tuple[Exception, str]] = [
        (CfdError("holds no model", where="ckpt.pt"), "ckpt.pt: holds no model."),
        (PermissionError(13, "Permission denied", "/x/y"), "/x/y: cannot be read or written (Permission denied)"),
        (RuntimeError("two\nlines"), "Importing the checkpoint failed: RuntimeError: two."),
    ]
    for error, said in errors:

        def fail(*_: Any, error: Exception = error, **__: Any) -> str:
            raise error

        _stand_in(monkeypatch, "importing", import_checkpoint=fail)
        answer = _ask(runner, ImportErrand(tmp_path / "ckpt.pt", tmp_path / "new"))
        assert answer.error is not None
        assert answer.error.startswith(said)
        assert "\n" not in answer.error
        assert (answer.sentence, answer.estimate) == ("", None)
    assert "device cuda:77" in str(_ask(runner, EstimateErrand(small, device="cuda:77")).error)
    assert _ask(runner, EstimateErrand(small, device="cpu")).error is None


def test_an_error_of_the_device_is_noted(turns: Turns, small: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(Trainer, "step", broken)
    fitness = Fitness()
    runner = ErrandRunner(turns, fitness=fitness)
    assert "cannot be used again" in str(_ask(runner, EstimateErrand(small, device="cpu")).error)
    assert fitness.lost
    runner.close()


def test_closing_does_not_wait_for_what_nothing_interrupts(
    turns: Turns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun, leave = threading.Event(), threading.Event()

    def linger(*_: Any, **__: Any) -> str:
        begun.set()
        leave.wait(60)
        return "Done."

    _stand_in(monkeypatch, "exporting", export_model=linger)
    monkeypatch.setattr(working, "PATIENCE_SECONDS", 0.05)
    runner = ErrandRunner(turns)
    answers: list[ErrandAnswer] = []
    runner.run(ExportErrand(tmp_path, "teacher", "images", tmp_path / "out", "cpu"), answers.append)
    assert begun.wait(60)
    runner.close()
    assert runner._thread.is_alive()
    leave.set()
    runner._thread.join(60)
    assert not runner._thread.is_alive()
    assert answers == []


def test_a_receiver_that_fails_does_not_end_the_errands(runner: ErrandRunner, small: RunConfig) -> None:
    def fail(_: ErrandAnswer) -> None:
        raise RuntimeError("the window is gone")

    runner.run(EstimateErrand(small, device="cpu"), fail)
    assert _ask(runner, EstimateErrand(small, device="cpu")).error is None


def test_an_evaluation_is_cancelled_alone_while_another_errand_waits(
    runner: ErrandRunner, turns: Turns, small: RunConfig, trained_run: RunFolder
) -> None:
    answers: queue.Queue[ErrandAnswer] = queue.Queue()
    evaluation = EvaluateErrand(trained_run.path, Wishes(stages=("pd-2",), own=True, samples=16), "cpu")
    with turns:
        runner.run(evaluation, answers.put, owner="1")
        while not turns._waiting:
            threading.Event().wait(0.005)
        runner.run(EstimateErrand(small, device="cpu"), answers.put, owner="2")
        runner.cancel_errands("1")
    assert answers.get(timeout=60).estimate is not None
    assert answers.empty()
    runner.run(evaluation, answers.put)
    answer = answers.get(timeout=60)
    assert (answer.error, answer.sentence) == (None, "1 model of “Miniature” measured in 1 way.")
    assert _ask(runner, EvaluateErrand(trained_run.path / "none", Wishes(), "cpu")).error


@pytest.mark.slow
def test_training_beside_estimates_ends_with_the_same_weights(
    runner: ErrandRunner,
    turns: Turns,
    small: RunConfig,
    trained_run: RunFolder,
    mini_run: Callable[..., RunFolder],
    fingerprints: Callable[[RunFolder], dict[str, str]],
) -> None:
    run = mini_run()
    job = ThreadLauncher(turns).start(run, ExecutionRequest(device="cpu", threads=1))
    done = 0
    while job.alive:
        assert _ask(runner, EstimateErrand(small, device="cpu")).error is None
        done += 1
    assert job.ended is not None
    assert job.ended.state is JobState.FINISHED
    assert done > 1
    assert fingerprints(run) == fingerprints(trained_run)
