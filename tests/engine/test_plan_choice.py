"""Which precision and fast paths a job takes: what is asked for, else what the last job took, else the defaults."""

from collections.abc import Callable

import pytest
import torch

from cfd_studio.engine import execution
from cfd_studio.engine.defaults import check_precision, choose_paths
from cfd_studio.engine.job import run_job
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import Event, JobState, Logged
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.runs.folder import RunFolder

PLAIN = FastPaths.none()


def test_what_is_not_asked_for_is_as_in_the_last_job(mini_config: Callable[..., RunConfig]) -> None:
    last = ExecutionPlan(device="cpu", threads=1, precision="bfloat16", fast=PLAIN)
    place = (mini_config(), (1, 8, 8), 10, "cpu")
    assert choose_paths(ExecutionRequest(), *place, last) == ("bfloat16", "float32", PLAIN, 0)
    request = ExecutionRequest(precision="float32", fast="background_saving=on", threads=3)
    fast = PLAIN.model_copy(update={"background_saving": True})
    assert choose_paths(request, *place, last) == ("float32", "float32", fast, 3)
    assert choose_paths(ExecutionRequest(), *place).fast != PLAIN  # or the test would be empty


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_only_cuda_knows_tf32(device: str) -> None:
    with pytest.raises(CfdError, match=f"TF32 is a number format of CUDA devices, and this is {device}"):
        check_precision("tf32", device)
    check_precision("bfloat16", device)
    check_precision("tf32", "cuda:0")


def test_a_gpu_without_bfloat16_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for can in (True, False):
        has = {"cuda:0": (8, 0) if can else (7, 5), "cuda:1": (7, 5) if can else (8, 0)}
        monkeypatch.setattr(torch.cuda, "get_device_capability", has.__getitem__)
        check_precision("auto", "cuda:0")
        if can:
            check_precision("bfloat16", "cuda:0")
    with pytest.raises(CfdError, match=r"cuda:0 cannot compute with bfloat16\. Use auto, float32 or tf32"):
        check_precision("bfloat16", "cuda:0")


HALVES = {"precision": "bfloat16", "distillation_precision": "bfloat16"}


def test_batches_in_parts_change_neither_precision_nor_fast_paths_of_a_run(
    trained_run: RunFolder, events_of: Callable[..., list[Event]]
) -> None:
    run = trained_run
    plan = run.jobs()[-1].read_plan()
    assert plan is not None
    run.jobs()[-1].write_plan(plan.model_copy(update=HALVES | {"fast": PLAIN}))
    run.weights("judge").unlink()  # a job that has something to train, if only one step of a classifier's last
    request = ExecutionRequest(device="cpu", threads=1, accumulation=2)
    assert run_job(run, request).state is JobState.FINISHED
    resumed = run.jobs()[-1].read_plan()
    assert resumed is not None
    assert (resumed.precision, resumed.distillation_precision) == ("bfloat16", "bfloat16")
    assert (resumed.fast, resumed.accumulation) == (PLAIN, 2)
    said = [event.text for event in events_of(run) if isinstance(event, Logged)]
    took = "cpu with 1 thread, bfloat16, batches in 2 parts, no fast paths"
    assert any(text.startswith(f"This job uses {took}, the last one cpu with 1 thread, bfloat16, no") for text in said)
    assert any(text.endswith(f"stages, on {took}.") for text in said)


def test_a_small_network_takes_one_thread_whatever_the_machine_does_at_the_moment(
    trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_fastest", lambda *_: 8)
    trained_run.weights("judge").unlink()
    for job in trained_run.jobs():
        (job.path / "job.json").unlink(missing_ok=True)  # nothing to take again
    assert run_job(trained_run, ExecutionRequest(device="cpu")).state is JobState.FINISHED
    plan = trained_run.jobs()[-1].read_plan()
    assert plan is not None
    assert plan.threads == 1
