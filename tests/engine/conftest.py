"""Running jobs in a test: on one thread, with commands dropped at an exact step."""

from collections.abc import Callable

import pytest

from cfd_studio.engine import controls
from cfd_studio.engine.job import run_job
from cfd_studio.engine.loop import Loop
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.events import Event, JobEnded
from cfd_studio.protocol.execution import ExecutionRequest
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
