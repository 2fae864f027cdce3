"""What a config costs on this machine: a few steps of every kind of work in it, done for real and timed."""

import math
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cfd_studio.data.batches import Batches
from cfd_studio.engine import mishaps
from cfd_studio.engine.evaluation import judged_steps
from cfd_studio.engine.execution import choose_threads
from cfd_studio.engine.peak import Peak
from cfd_studio.engine.rehearsal import Rehearsal, choice_of, uncompiled
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errands import Estimate, StageEstimate
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import AskedPrecision
from cfd_studio.protocol.sources import RunSource
from cfd_studio.protocol.stages import ClassifierStage, Stage, TeacherStage

SMALLEST_BATCH = 2
GROWTH = 4
# A step that would take longer is not done: the one before it is scaled up. Paper-sized work on a CPU takes minutes.
PATIENCE = {"cpu": 0.5}
PATIENCE_ELSEWHERE = 20.0
SPAN = 0.4  # seconds for which steps of one size are timed; at least one is
THREADS_PIXELS = 2048  # a forward pass of as many is what numbers of threads are compared with
# What a step costs has nothing to do with these.
_NO_MATTER: dict[str, bool | set[str]] = {
    "id": True,
    "parent": True,
    "sampling_steps": True,
    "optimization": {"steps", "learning_rate", "learning_rate_schedule", "warmup_steps", "gradient_clip"},
}


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of one step with the whole batch: seconds, and bytes at its peak; bytes of the weights, and of a checkpoint."""

    seconds: float
    memory: int
    weights: int
    checkpoint: int


@dataclass(frozen=True, slots=True)
class _Course:
    """Where steps are done, and who is asked before each."""

    device: str
    turn: AbstractContextManager[None]
    on_step: Callable[[], None]

    def timed(self, step: Callable[[], None]) -> float:
        """Do a step in a turn of the device and return its seconds, the wait for the turn left out."""
        self.on_step()
        with self.turn:
            began = time.perf_counter()
            step()
            return time.perf_counter() - began

    def typical(self, step: Callable[[], None]) -> float:
        """Return the median seconds of a step that has been done before."""
        times = [self.timed(step)]
        while sum(times) < SPAN:
            times.append(self.timed(step))
        return statistics.median(times)

    def grows(self, size: int, whole: int, seconds: float) -> bool:
        """Tell whether a larger batch than this is worth its time."""
        patience = PATIENCE.get(self.device, PATIENCE_ELSEWHERE)
        return size < whole and seconds * min(GROWTH, whole / size) <= patience


def estimate(
    config: RunConfig,
    device: str,
    *,
    precision: AskedPrecision = "auto",
    fast: str = "",
    turn: AbstractContextManager[None] | None = None,
    on_step: Callable[[], None] | None = None,
) -> Estimate:
    """Time every distinct kind of work of a config: network, objective, optimizer and batch size.

    No data set, no download and no trained weights are needed. Batches grow until they are those of the config; where
    a step of that size would take long, as on a CPU, a smaller one is scaled up linearly, which counts what a step
    costs whatever its batch (the optimizer) too often. Not counted: the time of held-out losses and checkpoints,
    loading images and holding them, and what judges do with the images that are drawn for them.

    Memory is the peak that CUDA reports; elsewhere weights, gradients, moments, average, frozen networks, and the
    activations that autograd keeps for the backward pass are counted.

    Parameters
    ----------
    config : RunConfig
    device : str
        As `cfd_studio.engine.execution.choose_device` returns it.
    precision, fast : str, optional
        What is asked of the network passes, as in an `ExecutionRequest`; nothing is compiled.
    turn : context manager, optional
        Entered around every step, where the device is shared.
    on_step : callable, optional
        Called before every step, outside a turn; may raise to end early.

    Raises
    ------
    CfdError
        Where the device cannot compute with the precision that is asked for.
    """
    request = ExecutionRequest(device=device, precision=precision, fast=fast)
    course = _Course(device, turn or nullcontext(), on_step or (lambda: None))
    known: dict[str, _Cost] = {}
    stages: list[StageEstimate] = []
    choice = choice_of(config, request, device)
    rehearsal = Rehearsal(config, uncompiled(choice.plan(device)))
    diffusion = config.diffusion_stages()
    seconds_per_call = _sampling(rehearsal, config, course, choice.threads) if diffusion else 0.0
    for stage in config.stages:
        if stage.optimization is None:
            stages.append(StageEstimate(stage.id, 0, 0.0, 0, _taken(rehearsal, stage)))
            continue
        kind = stage.model_dump_json(exclude=_NO_MATTER)
        if kind not in known:
            known[kind] = _training(rehearsal, stage, course)
        cost = known[kind]
        disk = cost.weights + _kept(config, stage.steps) * cost.checkpoint
        stages.append(StageEstimate(stage.id, stage.images, stage.steps * cost.seconds, cost.memory, disk))
    return Estimate(device, tuple(stages), seconds_per_call * _drawn_calls(config))


def _kept(config: RunConfig, steps: int) -> int:
    """Return how many checkpoints a stage leaves: one every so many steps and one at its end, of which few are kept."""
    return min(config.journal.keep_checkpoints, math.ceil(steps / config.journal.checkpoint_every))


def _taken(rehearsal: Rehearsal, stage: Stage) -> int:
    """Return the bytes of weights that come from elsewhere: those of another run are copied beside the stage's own."""
    source = stage.source if isinstance(stage, ClassifierStage | TeacherStage) else None
    return rehearsal.weights_size(stage) * (2 if isinstance(source, RunSource) else 1)


def _stored(value: Any) -> int:
    """Return the bytes of all tensors in what a checkpoint or a file of weights holds."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(map(_stored, value.values()))
    return sum(map(_stored, value)) if isinstance(value, list | tuple) else 0


def _drawn_calls(config: RunConfig) -> int:
    """Return how many images times network calls are drawn for the judges."""
    guided = config.evaluation.sampler.guidance != 1
    return config.evaluation.samples * sum(
        (2 if guided and isinstance(stage, TeacherStage) else 1) * sum(judged_steps(config, config.own_steps(stage)))
        for stage in config.diffusion_stages()
    )


def _sampling(rehearsal: Rehearsal, config: RunConfig, course: _Course, threads: int) -> float:
    """Take so many threads, or choose them as a job would, and return the seconds of a network call for one image."""
    with course.turn:
        model = rehearsal.model(config.diffusion_stages()[0])

    def call(count: int) -> Callable[[], None]:
        z = rehearsal.noise(count).to(course.device)
        levels = torch.full((count,), config.schedule.num_timesteps, device=z.device)

        @torch.no_grad()
        def draw() -> None:
            _wait_for(model(z, levels))

        return draw

    def typical() -> Callable[[], None]:
        return partial(_in_turn, course, call(max(1, THREADS_PIXELS // config.data.side**2)))

    choose_threads(threads, course.device, typical)
    whole = config.evaluation.batch_size
    size = min(SMALLEST_BATCH, whole)
    while True:
        step = call(size)
        seconds = course.timed(step)  # the first of its size prepares for the others
        if not course.grows(size, whole, seconds):
            return course.typical(step) / size
        size = min(whole, size * GROWTH)


def _training(rehearsal: Rehearsal, stage: Stage, course: _Course) -> _Cost:
    """Return what one optimizer step of a stage costs."""
    assert stage.optimization is not None
    before = torch.cuda.memory_allocated(course.device) if course.device.startswith("cuda") else 0
    with course.turn:
        trainer = rehearsal.trainer(stage)
    with closing(trainer):
        return _cost(rehearsal, trainer, stage.optimization.batch_size, course, before)


def _cost(rehearsal: Rehearsal, trainer: Trainer, whole: int, course: _Course, before: int) -> _Cost:
    """Return what one optimizer step with a whole batch costs; ``before`` is the memory that was taken already."""

    def step() -> None:
        trainer.step()
        trainer.tally.read()  # waits for the device

    size, cost = min(SMALLEST_BATCH, whole), None
    while True:
        trainer.state.batches = Batches(len(trainer.data.train), size, seed=0)
        peak = Peak(course.device, before)
        try:
            seconds = course.timed(partial(peak.of, step))
            if not (more := course.grows(size, whole, seconds)):
                seconds = course.typical(step)
        except Exception as error:
            if cost is None or not mishaps.out_of_memory(error):
                raise
            mishaps.forget(error)
            mishaps.release_device_memory()
            return cost  # of the largest batch that fits
        held = rehearsal.held(trainer.stage, trainer.state)
        working = peak.bytes - held if peak.counts_all else peak.bytes
        weights, checkpoint = _stored(trainer.state.kept_network.state_dict()), _stored(trainer.state.capture())
        cost = _Cost(seconds * whole / size, held + working * whole // size, weights, checkpoint)
        if not more:
            return cost
        size = min(whole, size * GROWTH)


def _in_turn(course: _Course, step: Callable[[], None]) -> None:
    course.timed(step)


def _wait_for(result: Tensor) -> None:
    result.flatten()[0].item()
