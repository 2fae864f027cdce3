"""Memory that runs out and devices that fail: one sentence, nothing held on to, and a run that goes on."""

import errno
import gc
import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cfd_studio.cli.app import run_command_line
from cfd_studio.engine import beginning, checkpoint, models, prepare, stages
from cfd_studio.engine.classification import ClassifierObjective
from cfd_studio.engine.job import run_job
from cfd_studio.engine.jury import Jury
from cfd_studio.engine.mishaps import device_lost, ending, out_of_memory
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.events import Event, JobEnded, JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest, in_a_row
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.workers.sampling import SamplingSession

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]
Fingerprints = Callable[[RunFolder], dict[str, str]]

# Each word for word as torch 2.15, numpy 2 or Python 3.11 say it.
MEMORY: list[Exception] = [
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((2**30,), np.dtype("float64")),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 4294967296 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("could not create a primitive"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to ..."),
    RuntimeError("Storage size calculation overflowed with sizes=[4611686018427387904]"),
    RuntimeError("can't start new thread"),
    ImportError("_fblas.cpython-311-x86_64-linux-gnu.so: failed to map segment from shared object"),
]
DEVICE_MEMORY: list[Exception] = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of ..."),
    RuntimeError("MPS backend out of memory (MPS allocated: 5.92 GB, other allocations: 11.82 GB, max allowed: ...)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported ..."),
]
LOST: list[Exception] = [
    RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported ..."),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb, ...)`"),
]
OTHERS: list[Exception] = [ValueError("out of memory of the name"), RuntimeError("shape mismatch"), OSError("x")]


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:40]


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "cfd-heartbeat"]


@pytest.mark.parametrize("error", MEMORY + DEVICE_MEMORY, ids=_kind)
def test_memory_that_ran_out_is_recognised_and_leaves_the_device_usable(error: Exception) -> None:
    assert out_of_memory(error)
    assert not device_lost(error)


@pytest.mark.parametrize("error", LOST, ids=_kind)
def test_an_error_that_poisons_the_device_is_recognised(error: Exception) -> None:
    assert device_lost(error)
    assert not out_of_memory(error)


@pytest.mark.parametrize("error", OTHERS, ids=_kind)
def test_other_errors_are_neither(error: Exception) -> None:
    assert not out_of_memory(error)
    assert not device_lost(error)


class _Allocation:
    """Fails once at a chosen call of a function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.failed = False

    def fails(self, where: Any, name: str, error: Exception | None = None, call: int = 0) -> None:
        function = getattr(where, name)
        calls = iter(range(10_000))

        def fail(*args: Any, **kwargs: Any) -> Any:
            if next(calls) == call:
                self.failed = True
                try:
                    if error is None:
                        torch.empty(2**45)
                    else:
                        raise type(error)(*error.args)
                except Exception as ours:
                    kept = ours  # noqa: F841, a cycle as libraries make them: it pins every frame the error went through
                    raise
            return function(*args, **kwargs)

        self._patch.setattr(where, name, fail)


@pytest.fixture
def allocation(monkeypatch: pytest.MonkeyPatch) -> _Allocation:
    return _Allocation(monkeypatch)


@pytest.fixture
def trained_networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[nn.Module]]]:
    """Return weak references to what is trained from here on; nobody collects cycles meanwhile."""
    seen: list[weakref.ref[nn.Module]] = []
    fresh = TrainingState.fresh

    def watched(network: nn.Module, *args: Any) -> TrainingState:
        seen.append(weakref.ref(network))
        return fresh(network, *args)

    monkeypatch.setattr(TrainingState, "fresh", watched)
    gc.collect()
    gc.disable()
    yield seen
    gc.enable()


PARTS = (
    "Resume with every batch in two parts (--accumulate 2, or the arrow beside Resume in the window), which changes "
    "nothing else; or choose a smaller batch_size in a new run."
)
CLASSIFIER = "Choose a smaller batch_size in a new run."  # its batches are never split
OTHER = "Close what else uses the memory, and resume."


def test_the_advice_fits_the_stage_whose_batch_was_too_large() -> None:
    said = [
        ending(MemoryError(), "training", "a", "cpu", "the run goes on", classifier=which).sentence
        for which in (True, False)
    ]
    assert [CLASSIFIER in said[0], PARTS in said[0]] == [True, False]
    assert [CLASSIFIER in said[1], PARTS in said[1]] == [False, True]


@pytest.mark.parametrize("error", [MEMORY[0], MEMORY[3], None, DEVICE_MEMORY[0]], ids=str)
def test_a_step_that_needs_too_much_memory_ends_the_job_with_advice_and_the_run_goes_on_from_its_checkpoint(
    error: Exception | None,
    allocation: _Allocation,
    trained_networks: list[weakref.ref[nn.Module]],
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    events_of: Callable[..., list[Event]],
    fingerprints: Fingerprints,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    allocation.fails(ClassifierObjective, "terms", error, call=7)
    ended = train(run)
    assert allocation.failed
    assert ended.sentence == (
        f"not enough memory on cpu while training stage 'judge'. {CLASSIFIER} The run goes on from step 5 of stage "
        "'judge'."
    )
    assert (ended.state, ended.exit_code, ended.details) == (JobState.FAILED, 1, None)
    assert events_of(run)[-1] == ended
    assert current_holder(run) is None
    assert [network() for network in trained_networks] == [None]
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]


@pytest.mark.parametrize(
    ("where", "name", "said"),
    [
        (ClassifierObjective, "held_out", f"while training stage 'judge'. {CLASSIFIER}"),
        (TrainingState, "capture", f"while saving the checkpoint of step 5 of stage 'judge'. {OTHER}"),
        (torch, "save", f"while saving the checkpoint of step 5 of stage 'judge'. {OTHER}"),
        (stages, "save_weights", f"while saving the weights of stage 'judge'. {OTHER}"),
        (beginning, "build_network", f"while loading stage 'judge'. {OTHER}"),
        (stages, "classifier_accuracies", "while evaluating stage 'judge'. Resume with --device cpu"),
    ],
)
def test_wherever_memory_runs_out_the_sentence_says_what_was_being_done_and_nothing_is_lost(
    where: Any,
    name: str,
    said: str,
    allocation: _Allocation,
    trained_networks: list[weakref.ref[nn.Module]],
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    allocation.fails(where, name)
    ended = train(run)
    assert allocation.failed
    assert f"not enough memory on cpu {said}" in ended.sentence
    assert (ended.state, ended.exit_code, ended.details) == (JobState.FAILED, 1, None)
    assert current_holder(run) is None
    assert {network() for network in trained_networks} <= {None}
    assert not list(run.path.rglob(".partial-*"))
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]


@pytest.mark.parametrize(
    ("where", "name", "stage"), [(prepare, "load_network", "pd-4"), (Jury, "judge", "cfd-2")], ids=["parent", "jury"]
)
def test_memory_for_a_parent_or_for_the_judging_of_a_student_is_told_likewise(
    where: Any,
    name: str,
    stage: str,
    allocation: _Allocation,
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
) -> None:
    before = fingerprints(trained_run)
    if name == "judge":
        (trained_run.stage(stage) / "quality.json").unlink()
    else:
        trained_run.weights(stage).unlink()
    allocation.fails(where, name)
    ended = train(trained_run)
    assert allocation.failed
    assert f"not enough memory on cpu while {'evaluating' if name == 'judge' else 'loading'} stage '{stage}'" in (
        ended.sentence
    )
    assert train(trained_run).state is JobState.FINISHED
    assert fingerprints(trained_run) == before


@pytest.mark.parametrize(("where", "name"), [(torch, "load"), (torch.optim.AdamW, "load_state_dict")])
def test_a_checkpoint_for_which_memory_is_short_is_not_called_damaged(
    where: Any,
    name: str,
    allocation: _Allocation,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    train: Train,
    command_at: Callable[..., Any],
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    command_at("judge", 7, Verb.STOP_KEEP)
    train(run)
    allocation.fails(where, name)
    ended = train(run)
    assert allocation.failed
    assert ended.sentence.startswith("not enough memory on cpu while loading stage 'judge'")
    assert "Delete" not in ended.sentence
    assert train(run).state is JobState.FINISHED


@pytest.mark.parametrize("error", LOST, ids=_kind)
def test_a_device_that_fails_is_named_with_what_to_do(
    error: Exception, allocation: _Allocation, mini_run: MakeRun, mini_recipe: dict[str, Any], train: Train
) -> None:
    run = mini_run(stages=mini_recipe["stages"][:1])
    allocation.fails(ClassifierObjective, "terms", error, call=7)
    ended = train(run)
    assert ended.sentence.startswith("cpu failed while training stage 'judge' (CUDA error: ")
    assert "and cannot be used again in this process. Try again in a new process." in ended.sentence
    assert "\n" not in ended.sentence
    assert train(run).state is JobState.FINISHED


def _ask(session: SamplingSession, request: SampleRequest) -> SampleAnswer:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    session.request(request, answers.put)
    return answers.get(timeout=60)


@pytest.mark.parametrize("name", ["draw", "load_denoiser"])
def test_a_sampling_session_without_memory_says_so_lets_go_of_its_models_and_answers_the_next_request(
    name: str, allocation: _Allocation, trained_run: RunFolder
) -> None:
    session = SamplingSession(Turns())
    other = SampleRequest(run=trained_run.path, stage="pd-4", sampling_steps=2, keys=in_a_row(0, 2), device="cpu")
    request = SampleRequest(run=trained_run.path, stage="teacher", sampling_steps=2, keys=in_a_row(5, 3), device="cpu")
    try:
        whole = _ask(session, request)
        _ask(session, other)
        kept = [weakref.ref(model.denoiser) for model in session._models._things.values()]
        assert len(kept) == 2
        session._models._things.popitem(last=False)
        gc.collect()
        gc.disable()
        allocation.fails(models, name, DEVICE_MEMORY[0])
        answer = _ask(session, request)
        assert allocation.failed
        assert answer.error == (
            "not enough memory on cpu while drawing 3 images of 'teacher'. Ask for fewer images, or wait until nothing "
            "else uses the device."
        )
        assert answer.images is None
        assert [model() for model in kept] == [None, None]
        again = _ask(session, request)
        assert again.images is not None
        assert whole.images is not None
        assert np.array_equal(again.images, whole.images)
    finally:
        gc.enable()
        session.close()


@pytest.mark.parametrize(
    ("command", "where", "name", "said"),
    [
        (["sample", "--out", "x.npz"], models, "draw", "while drawing images of"),
        (["sample", "--out", "x.png"], models, "load_denoiser", "while drawing images of"),
        (["compare", "--out", "x.png"], models, "draw", "while drawing the models of"),
        (["evaluate"], Jury, "judge", "while judging the models of"),
    ],
)
def test_a_command_that_needs_too_much_memory_ends_with_one_sentence_and_code_one(
    command: list[str],
    where: Any,
    name: str,
    said: str,
    allocation: _Allocation,
    trained_run: RunFolder,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    allocation.fails(where, name)
    verb, *options = command
    assert run_command_line([verb, str(trained_run.path), *options, "--device", "cpu"], lambda: 0) == 1
    assert allocation.failed
    errors = capsys.readouterr().err.strip()  # a bar that is drawn and taken away leaves an empty line
    assert errors.startswith(f"cfd-studio: not enough memory on cpu {said} {trained_run.path}. ")
    assert "\n" not in errors
    assert not list(tmp_path.glob("x.*"))


def test_a_checkpoint_that_could_not_be_written_leaves_no_partial_folder(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "checkpoints" / ".partial-of-a-killed-job").mkdir(parents=True)
    monkeypatch.setattr(checkpoint, "_write", refuse)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save_checkpoint(tmp_path, 5, {"step": 5}, keep=2)
    assert list((tmp_path / "checkpoints").iterdir()) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_device_memory_goes_back_to_its_baseline_after_a_job_that_ran_out_of_it(
    mini_run: MakeRun, mini_recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run(stages=[mini_recipe["stages"][0], mini_recipe["stages"][2]])
    request = ExecutionRequest(device="cuda:0", threads=1)
    step = Trainer.step

    def greedy(trainer: Trainer) -> Any:
        if (trainer.stage.id, trainer.state.step) == ("teacher", 3):
            hoard = [torch.empty(2**26, device="cuda:0") for _ in range(8)]
            hoard.append(torch.empty(2**44, device="cuda:0"))
        return step(trainer)

    torch.ones(8, 8, device="cuda:0").matmul(torch.ones(8, 8, device="cuda:0"))  # cuBLAS keeps a workspace for good
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", greedy)
        run_job(run, request)  # whatever is allocated once and for all
    gc.collect()
    torch.cuda.empty_cache()
    baseline = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    gc.disable()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "step", greedy)
            ended = run_job(run, request)
        assert ended.sentence.startswith("not enough memory on cuda:0 while training stage 'teacher'")
        assert (torch.cuda.memory_allocated(), torch.cuda.memory_reserved()) == baseline
    finally:
        gc.enable()
    assert run_job(run, request).state is JobState.FINISHED
