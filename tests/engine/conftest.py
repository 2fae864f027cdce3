"""Running jobs in a test: on one thread, with commands dropped at an exact step."""

from collections.abc import Callable
from typing import Any

import pytest

from cfd_studio.engine import controls
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.job import run_job
from cfd_studio.engine.loop import Loop
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.prepare import prepare
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.events import Event, JobEnded
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import UNCHOSEN, FastPaths
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalReader


@pytest.fixture(scope="session")
def train() -> Callable[[RunFolder], JobEnded]:
    """Return a function that runs one job on a run and returns how it ended."""
    return lambda run: run_job(run, ExecutionRequest(device="cpu", threads=1))


@pytest.fixture(scope="session")
def events_of() -> Callable[..., list[Event]]:
    """Return a function that gives all events of a run's job; the newest one's if none is named."""

    def read(run: RunFolder, number: int = 0) -> list[Event]:
        return JournalReader(run.jobs()[number - 1].journal).read()

    return read


@pytest.fixture
def command_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Command]]:
    """Return a function that plans commands: they lie in the inbox when the job looks after that step of that stage."""
    monkeypatch.setattr(controls, "POLL_SECONDS", 0.0)
    listen = Loop._listen
    plans: dict[tuple[str, int], list[Command]] = {}

    def listen_then(loop: Loop) -> None:
        for command in plans.pop((loop.stage.id, loop.state.step), []):
            inbox.drop(loop.run.jobs()[-1].inbox, command)
        listen(loop)

    monkeypatch.setattr(Loop, "_listen", listen_then)

    def plan(stage: str, after: int, *verbs: Verb) -> list[Command]:
        plans[stage, after] = [Command(verb=verb) for verb in verbs]
        return plans[stage, after]

    return plan


@pytest.fixture
def make_trainer(
    mini_run: Callable[..., RunFolder], random_weights: Callable[..., RunFolder], mini_recipe: dict[str, Any]
) -> Callable[..., Trainer]:
    """Return a function that makes a stage ready to train, whose parents have random weights; CFD has every term."""
    mini_recipe["stages"][-1] |= {"dataset_weight": 0.3, "entropy_share": 0.5}
    mini_recipe["journal"]["gradient_norms_every"] = 3
    run = mini_run(stages=mini_recipe["stages"], journal=mini_recipe["journal"])
    config = random_weights(run, "judge", "classifier", "teacher", "pd-4").config()
    data = load_data(config.data, "")

    def make(
        stage_id: str, fast: FastPaths = UNCHOSEN, passes: Passes | None = None, parts: int = 1, device: str = "cpu"
    ) -> Trainer:
        precision = passes.precision if passes else "float32"
        plan = ExecutionPlan(device=device, threads=1, fast=fast, accumulation=parts, distillation_precision=precision)
        return prepare(run, config, config.stage(stage_id), data, plan, Ranks(), 0, passes)

    return make
