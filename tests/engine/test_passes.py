"""Networks that are compiled ahead, without a trace in what is trained, or visibly not."""

import copy
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.exc import BackendCompilerFailed
from torch._dynamo.utils import counters
from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

from cfd_studio.data.images import DataSet
from cfd_studio.engine import compiler, controls, stages
from cfd_studio.engine.compiler import Compiler, failed_to_compile, forget_compiled
from cfd_studio.engine.job import run_job
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.trainer import Trainer
from cfd_studio.engine.warm_up import warm_up
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.events import Event, JobState, PhaseEntered
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder

Make = Callable[..., Trainer]
Translate = Callable[[nn.Module], Callable[..., Any]]


@pytest.fixture
def translate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Translate], None]]:
    """Return a function that sets what stands in for torch.compile; at first it is the network itself."""

    def to(stand_in: Translate) -> None:
        monkeypatch.setattr(compiler, "TRANSLATIONS", {"default": stand_in, "cuda-graphs": stand_in})

    to(lambda network: lambda *inputs: network(*inputs))
    yield to
    forget_compiled()


def _compiled(mode: str = "default") -> FastPaths:
    return FastPaths.model_validate({"compilation": mode})


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _raising(error: BaseException) -> Translate:
    def translated(_network: nn.Module) -> Callable[..., Any]:
        def call(*_: Tensor) -> Tensor:
            raise error

        return call

    return translated


@pytest.mark.parametrize(("stage", "mode"), [("pd-4", "cuda-graphs"), ("teacher", "default"), ("cfd-2", "cuda-graphs")])
def test_compiling_ahead_leaves_no_trace_in_what_is_trained(
    make_trainer: Make, translate: object, stage: str, mode: str
) -> None:
    trainer, untouched = make_trainer(stage, _compiled(mode), parts=3), make_trainer(stage, parts=3)
    for one in (trainer, untouched):
        one.step()
    before, outside = copy.deepcopy(trainer.state.capture()), torch.get_rng_state()
    warm_up(trainer, pytest.fail)
    assert torch.equal(torch.get_rng_state(), outside)
    assert _same(trainer.state.capture(), before)
    assert all(parameter.grad is None for parameter in trainer.state.network.parameters())
    for one in (trainer, untouched):
        one.step()
        one.step()
    assert _same(trainer.state.capture(), untouched.state.capture())
    assert _same(trainer.gradient_norms, untouched.gradient_norms)
    one, other = trainer.tally.read(), untouched.tally.read()
    assert one == other


def test_what_cannot_be_compiled_is_said_once_a_job_and_goes_on_uncompiled(
    make_trainer: Make, translate: Callable[[Translate], None]
) -> None:
    translate(_raising(InvalidCxxCompiler()))
    said: list[str] = []
    passes = Passes(fast=_compiled("cuda-graphs"))
    trainer, plain = make_trainer("cfd-2", passes=passes), make_trainer("cfd-2")
    warm_up(trainer, said.append)
    warm_up(make_trainer("pd-4", passes=passes), said.append)
    assert [sentence.partition(" (")[0] for sentence in said] == [
        "CUDA graphs do not work here",
        "The networks could not be compiled",
    ]
    assert "No working C++ compiler found" in said[1]
    assert not any("\n" in sentence for sentence in said)
    for one in (trainer, plain):
        one.step()
    assert _same(trainer.state.capture(), plain.state.capture())


def _out_of_memory(_: Any) -> None: ...


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        BackendCompilerFailed(_out_of_memory, torch.OutOfMemoryError("CUDA out of memory."), None),  # type: ignore[arg-type]
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        ValueError("of the step itself"),
        KeyboardInterrupt(),
    ],
)
def test_an_error_that_is_not_the_compilers_is_not_taken_for_one(
    make_trainer: Make, translate: Callable[[Translate], None], error: BaseException
) -> None:
    translate(_raising(error))
    said: list[str] = []
    with pytest.raises(type(error)):
        warm_up(make_trainer("teacher", _compiled("cuda-graphs")), said.append)
    # CUDA graphs fail in too many ways: what is raised without them as well is no fault of theirs.
    assert len(said) == isinstance(error, ValueError)


def test_what_is_compiled_is_forgotten_when_the_last_job_ends_and_a_failure_there_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    def reset() -> None:
        said.append("reset")
        raise AssertionError

    monkeypatch.setitem(sys.modules, "torch._dynamo", SimpleNamespace(reset=reset))  # type: ignore[arg-type]
    with compiler.compiling():
        with compiler.compiling():
            compiler.forget_failed()
        said.append("the first is over")
        compiler.forget_failed()
        said.append("a mode has failed")
    assert said == ["the first is over", "reset", "a mode has failed", "reset"]


def test_errors_of_the_compiler_are_known_by_where_they_are_from() -> None:
    assert failed_to_compile(InvalidCxxCompiler())
    assert failed_to_compile(CppCompileError(["c++"], "no such header"))
    assert failed_to_compile(BackendCompilerFailed(_out_of_memory, ValueError("theirs"), None))  # type: ignore[arg-type]
    assert not failed_to_compile(RuntimeError("shapes do not fit"))


@pytest.mark.parametrize("fresh", [True, False])
def test_cuda_graphs_that_repeat_what_they_were_recorded_with_are_found_out(
    fresh: bool, make_trainer: Make, monkeypatch: pytest.MonkeyPatch, translate: object
) -> None:
    seen: list[tuple[Tensor, ...]] = []

    def stale(network: nn.Module) -> Callable[..., Any]:
        def call(*inputs: Tensor) -> Any:
            seen.append(inputs)
            return network(*seen[:2][-1])

        return call

    monkeypatch.setitem(compiler.TRANSLATIONS, "cuda-graphs", stale)
    said: list[str] = []
    trainer = make_trainer("teacher", _compiled("cuda-graphs"))
    with torch.no_grad():
        for parameter in trainer.state.network.parameters():  # the last layer begins at 0, and so the output
            parameter.add_(0.0 if fresh else 0.1)
    warm_up(trainer, said.append)
    assert trainer.passes.compiler.mode == "default"
    assert len(said) == 1
    assert "when repeated" in said[0]


def test_every_step_with_cuda_graphs_is_announced_before_its_first_pass(
    make_trainer: Make, translate: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[str] = []
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: marks.append("step"))
    translate(lambda network: lambda *inputs: marks.append("pass") or network(*inputs))  # type: ignore[operator]
    trainer = make_trainer("pd-4", _compiled("cuda-graphs"))
    warm_up(trainer, pytest.fail)
    trainer.step()
    assert marks == 4 * ["step", "pass", "pass", "pass"]  # the teacher twice, and the student
    Compiler("default").begin_step()
    assert len(marks) == 16


def test_a_job_names_the_phase_in_which_it_compiles_and_answers_a_stop_meanwhile_right_after(
    mini_run: Callable[..., RunFolder],
    events_of: Callable[..., list[Event]],
    translate: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controls, "POLL_SECONDS", 0.0)
    run = mini_run()

    def warm_up_then(trainer: Trainer, tell: Callable[[str], None]) -> None:
        warm_up(trainer, tell)
        inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_KEEP))

    moved: list[bool] = []
    move = DataSet.to
    monkeypatch.setattr(DataSet, "to", lambda data, device, training: moved.append(training) or move(data, device))
    monkeypatch.setattr(stages, "warm_up", warm_up_then)
    request = ExecutionRequest(device="cpu", threads=1, fast="compilation=default, data_on_device=off")
    ended = run_job(run, request)
    assert ended.state is JobState.STOPPED, ended.details
    assert moved == [False]
    phases = [event.phase for event in events_of(run) if isinstance(event, PhaseEntered)]
    assert phases[-1] == "compiling"
    assert phases.count("compiling") == 1


@pytest.mark.slow
def test_all_is_compiled_ahead_and_a_second_stage_of_the_same_networks_compiles_nothing(
    make_trainer: Make, translate: Callable[[Translate], None]
) -> None:
    # Traced forward and backward, with all guards, but run by torch's own kernels.
    translate(lambda network: torch.compile(network, backend="aot_eager", dynamic=False))

    def graphs() -> int:
        return counters["stats"]["unique_graphs"]

    trainer, plain = make_trainer("cfd-2", _compiled(), parts=3), make_trainer("cfd-2", parts=3)  # of 6 and 5 images
    before = graphs()
    warm_up(trainer, pytest.fail)
    assert graphs() > before
    before = graphs()
    for _ in range(4):  # the third measures every term's gradient
        trainer.step()
        plain.step()
    assert graphs() == before
    assert list(trainer.gradient_norms) == ["feature", "entropy", "diversity", "anchor"]
    for name, norm in plain.gradient_norms.items():
        torch.testing.assert_close(trainer.gradient_norms[name], norm, rtol=1e-4, atol=0)
    second = make_trainer("cfd-2", passes=trainer.passes, parts=3)
    warm_up(second, pytest.fail)
    second.step()
    assert graphs() == before
