"""Checkpoints written behind the training: the same files, told no earlier than they are there, and nothing lost."""

import errno
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cfd_studio.engine import checkpoint, controls, job, saving, storage
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints, load_checkpoint
from cfd_studio.engine.snapshot import snapshot
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.events import CheckpointSaved, Event, JobEnded, JobState, Logged, PhaseEntered
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import current_holder
from cfd_studio.runs.status import JobStatus, read_status

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]
EventsOf = Callable[..., list[Event]]
CommandAt = Callable[..., list[Command]]
Fingerprints = Callable[[RunFolder], dict[str, str]]


def _wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _idle() -> bool:
    return all(thread.name != "cfd-saving" for thread in threading.enumerate())


def _wait_until_idle() -> None:
    _wait_until(_idle)


class _Writer:
    """Stands where checkpoints are written, and knows who writes which one.

    Attributes
    ----------
    by : list of (int, str)
        The step of every attempt, and the name of the thread that makes it.
    before : dict of int to callable
        What happens before a checkpoint of that step is written; it may raise.
    """

    def __init__(self) -> None:
        self.by: list[tuple[int, str]] = []
        self.before: dict[int, Callable[[], object]] = {}
        self._save = saving.save_checkpoint

    def __call__(self, stage: Path, step: int, *others: Any) -> Path:
        self.by.append((step, threading.current_thread().name))
        self.before.get(step, lambda: None)()
        return self._save(stage, step, *others)

    @property
    def behind(self) -> list[int]:
        """The steps whose checkpoints the thread wrote."""
        return [step for step, name in self.by if name == "cfd-saving"]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Writer]:
    """Write behind the training however small the network, and return who writes."""
    monkeypatch.setattr(saving, "SMALL_WEIGHTS", 0)
    monkeypatch.setattr(storage, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(controls, "POLL_SECONDS", 0.0)
    writer = _Writer()
    monkeypatch.setattr(saving, "save_checkpoint", writer)
    yield writer
    assert _idle()


@pytest.fixture
def run(mini_run: MakeRun, mini_recipe: dict[str, Any]) -> RunFolder:
    """Return a run of one stage of 12 steps, saved after 5, 10 and 12."""
    return mini_run(stages=mini_recipe["stages"][:1])


def _status(run: RunFolder) -> JobStatus:
    status = read_status(run.jobs()[-1].status)
    assert status is not None
    return status


def _saved(events: list[Event]) -> list[int]:
    return [event.step for event in events if isinstance(event, CheckpointSaved)]


def _phases(events: list[Event]) -> list[str]:
    return [event.phase for event in events if isinstance(event, PhaseEntered)]


def _there(run: RunFolder) -> list[int]:
    return [checkpoint_step(saved) for saved in checkpoints(run.stage("judge"))]


def _before_step(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Let something happen before the optimizer step with that number, counted from 1."""
    step = Trainer.step

    def acting(trainer: Trainer) -> None:
        if trainer.state.step == number - 1:
            act()
        step(trainer)

    monkeypatch.setattr(Trainer, "step", acting)


def _full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _the_same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_the_same(one[key], other[key]) for key in one if key != "seconds")
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_the_same, one, other))
    return bool(one == other)


def test_training_goes_on_meanwhile_and_the_checkpoint_holds_the_step_at_which_it_was_begun(
    writer: _Writer,
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = mini_run("behind", stages=[mini_recipe["stages"][0], mini_recipe["stages"][2]])
    steps: list[int] = []
    step = Trainer.step
    monkeypatch.setattr(Trainer, "step", lambda trainer: (step(trainer), steps.append(trainer.state.step)))
    monkeypatch.setattr(job, "judge_stage", lambda *_: None)
    writer.before = {5: lambda: _wait_until(lambda: steps[-1] == 10), 15: lambda: _wait_until(lambda: steps[-1] == 16)}
    assert train(run).state is JobState.FINISHED
    assert writer.behind == [5, 10, 5, 10, 15]
    for stage in ("judge", "teacher"):  # the other run wrote all of its own while it waited
        ours, theirs = checkpoints(run.stage(stage)), checkpoints(trained_run.stage(stage))
        assert [checkpoint_step(one) for one in ours] == [checkpoint_step(one) for one in theirs]
        assert all(
            _the_same(load_checkpoint(a, "cpu"), load_checkpoint(b, "cpu")) for a, b in zip(ours, theirs, strict=True)
        )


def test_a_checkpoint_is_told_once_it_is_there_and_nobody_is_told_of_a_wait_that_is_none(
    writer: _Writer, run: RunFolder, train: Train, events_of: EventsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    told: list[list[int]] = []

    def open_gate() -> None:
        told.append(_saved(events_of(run)))
        gate.set()
        _wait_until_idle()
        assert _there(run) == [5]

    writer.before = {5: lambda: gate.wait(60)}
    _before_step(monkeypatch, 8, open_gate)
    _before_step(monkeypatch, 9, lambda: told.append(_saved(events_of(run))))
    assert train(run).state is JobState.FINISHED
    assert told == [[], [5]]
    assert writer.behind == [5, 10]  # the last of the stage, which is waited for, is written as ever
    assert _saved(events_of(run)) == [5, 10, 12]
    assert _phases(events_of(run))[:3] == ["loading", "loading", "training"]


def test_a_second_checkpoint_waits_for_the_first_and_says_so(
    writer: _Writer, run: RunFolder, train: Train, events_of: EventsOf
) -> None:
    seen: list[tuple[int, list[int]]] = []

    def until_somebody_waits() -> None:
        _wait_until(lambda: _status(run).phase == "saving")
        seen.append((_status(run).step, list(writer.behind)))

    writer.before = {5: until_somebody_waits}
    assert train(run).state is JobState.FINISHED
    assert seen == [(10, [5])]
    assert _saved(events_of(run)) == [5, 10, 12]


def test_what_the_disk_refuses_behind_the_training_is_waited_for_as_ever_within_a_step(
    writer: _Writer,
    run: RunFolder,
    trained_run: RunFolder,
    train: Train,
    events_of: EventsOf,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[JobState, int]] = []

    def refuse_thrice() -> None:
        seen.append((_status(run).state, len(writer.by)))
        if len(writer.by) < 4:
            _full()

    _before_step(monkeypatch, 6, _wait_until_idle)
    _before_step(monkeypatch, 7, lambda: seen.append((_status(run).state, 0)))
    writer.before = {5: refuse_thrice}
    assert train(run).state is JobState.FINISHED
    assert [state for state, _ in seen] == [*[JobState.RUNNING] * 2, *[JobState.PAUSED] * 2, JobState.RUNNING]
    assert [name == "cfd-saving" for step, name in writer.by if step == 5] == [True, False, False, False]
    warnings = [event.text for event in events_of(run) if isinstance(event, Logged) and event.level == "warning"]
    assert len(warnings) == 1
    assert warnings[0].startswith("The checkpoint of step 5 of stage 'judge' cannot be written")
    phases = _phases(events_of(run))
    at = phases.index("waiting for the disk")
    assert phases[at - 2 : at + 3] == ["training", "saving", "waiting for the disk", "saving", "training"]
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]
    assert not list(run.path.rglob(".partial-*"))


@pytest.mark.parametrize(
    ("fails", "sentence"),
    [
        (False, "Stopped; the run goes on from step 5 of stage 'judge'."),
        (
            True,
            "Stopped without saving, for the checkpoint of step 5 of stage 'judge' cannot be written (No space left ",
        ),
    ],
)
def test_a_stop_that_discards_waits_for_the_write_on_its_way_and_no_longer(
    fails: bool,
    sentence: str,
    writer: _Writer,
    run: RunFolder,
    train: Train,
    command_at: CommandAt,
    events_of: EventsOf,
) -> None:
    def until_stopping() -> None:
        _wait_until(lambda: _status(run).state is JobState.STOPPING)
        if fails:
            _full()

    writer.before = {5: until_stopping}
    command_at("judge", 7, Verb.STOP_DISCARD)
    assert train(run).sentence.startswith(sentence)
    assert [step for step, _ in writer.by] == [5]
    assert _saved(events_of(run)) == _there(run) == ([] if fails else [5])
    assert not list(run.path.rglob(".partial-*"))


def test_a_stop_that_keeps_keeps_the_checkpoint_on_its_way_and_the_step_it_stands_at(
    writer: _Writer, run: RunFolder, train: Train, command_at: CommandAt, events_of: EventsOf
) -> None:
    writer.before = {5: lambda: _wait_until(lambda: _status(run).state is JobState.STOPPING)}
    command_at("judge", 7, Verb.STOP_KEEP)
    assert train(run).sentence == "Stopped and saved; the run goes on from step 7 of stage 'judge'."
    assert _saved(events_of(run)) == _there(run) == [5, 7]


def test_a_stop_that_keeps_while_a_checkpoint_of_earlier_waits_for_the_disk_keeps_the_step_it_stands_at(
    writer: _Writer, run: RunFolder, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def refuse_twice() -> None:
        gate.wait(60)
        if len(writer.by) == 2:
            inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_KEEP))
        if len(writer.by) < 3:
            _full()

    writer.before = {5: refuse_twice}
    _before_step(monkeypatch, 7, lambda: (gate.set(), _wait_until_idle()))
    assert train(run).sentence == "Stopped and saved; the run goes on from step 7 of stage 'judge'."
    assert _there(run) == [5, 7]


def test_a_run_that_is_taken_over_during_the_write_gets_no_checkpoint_of_the_old_holder(
    writer: _Writer, run: RunFolder, train: Train
) -> None:
    def take_over() -> None:
        holder = current_holder(run)
        assert holder is not None
        other = holder.model_copy(update={"token": "another", "epoch": holder.epoch + 1})
        (run.path / "lease.json").write_text(other.model_dump_json())

    writer.before = {5: take_over}
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert "another trainer took this run over" in ended.sentence
    assert _there(run) == []
    assert not list(run.path.rglob(".partial-*"))


def test_without_memory_for_a_copy_the_training_waits_for_its_checkpoints_and_says_so_once(
    writer: _Writer,
    run: RunFolder,
    trained_run: RunFolder,
    train: Train,
    events_of: EventsOf,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Any) -> None:
        torch.empty(2**45)

    monkeypatch.setattr(saving, "snapshot", fail)
    assert train(run).state is JobState.FINISHED
    assert (writer.behind, _saved(events_of(run))) == ([], [5, 10, 12])
    warnings = [event.text for event in events_of(run) if isinstance(event, Logged) and event.level == "warning"]
    assert [text.partition(":")[0] for text in warnings] == ["There is no memory for a copy of stage 'judge'"]
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]


def test_an_error_while_a_checkpoint_is_on_its_way_ends_the_job_once_it_is_there(
    writer: _Writer, run: RunFolder, train: Train, events_of: EventsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = threading.Event()

    def fail() -> None:
        failing.set()
        raise MemoryError

    writer.before = {5: lambda: failing.wait(60)}
    _before_step(monkeypatch, 8, fail)
    ended = train(run)
    assert "not enough memory on cpu while training stage 'judge'" in ended.sentence
    assert "The run goes on from step 5" in ended.sentence
    assert _saved(events_of(run)) == [5]


def test_a_pause_begins_once_nothing_is_on_its_way_any_more(
    writer: _Writer, run: RunFolder, train: Train, command_at: CommandAt, events_of: EventsOf
) -> None:
    writer.before = {5: lambda: _wait_until(lambda: _status(run).phase == "saving")}
    command_at("judge", 7, Verb.PAUSE)
    worker = threading.Thread(target=train, args=(run,))
    worker.start()
    _wait_until(lambda: run.jobs() and read_status(run.jobs()[-1].status) and _status(run).state is JobState.PAUSED)
    assert _saved(events_of(run)) == [5]
    inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_DISCARD))
    worker.join(60)
    assert not worker.is_alive()


def test_a_snapshot_has_the_layout_of_the_original_and_none_of_its_memory() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3), torch.nn.BatchNorm2d(4))
    network = network.to(memory_format=torch.channels_last)
    captured = {"network": network.state_dict(), "betas": (0.9, 0.5), "step": 7, "none": None}
    copied, wait = snapshot(captured)
    wait()
    assert copied["network"]._metadata == captured["network"]._metadata  # type: ignore[attr-defined]
    assert list(copied["network"]) == list(captured["network"])  # type: ignore[call-overload]
    assert (copied["betas"], copied["step"], copied["none"]) == ((0.9, 0.5), 7, None)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for value in network.state_dict().values():
            value.add_(1)
    for name, value in copied["network"].items():
        assert torch.equal(value, before[name])
        assert value.stride() == network.state_dict()[name].stride()


class _Stream(SimpleNamespace):
    """A stream of a device, which may lie in a set."""

    __hash__ = object.__hash__


class _OnDevice(torch.Tensor):
    """A tensor that says it lies on a CUDA device."""

    is_cuda = True


def test_on_cuda_a_snapshot_goes_into_pinned_memory_and_is_read_after_the_stream_has_come_that_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []
    stream = _Stream(record_event=lambda event: (happened.append("recorded"), event)[1])
    event = SimpleNamespace(synchronize=lambda: happened.append("waited"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "Event", lambda blocking: event)

    def pinned(like: torch.Tensor, device: str, pin_memory: bool) -> Any:
        assert (device, pin_memory) == ("cpu", True)
        host = torch.empty(like.shape)

        def copy(source: torch.Tensor, non_blocking: bool) -> torch.Tensor:
            assert non_blocking
            happened.append("copied")
            return host.copy_(source.as_subclass(torch.Tensor))

        return SimpleNamespace(copy_=copy)

    monkeypatch.setattr(torch, "empty_like", pinned)
    tensors = {name: torch.randn(3).as_subclass(_OnDevice) for name in "ab"}
    copied, wait = snapshot({"network": tensors, "generator": torch.zeros(2)})
    assert happened == ["copied", "copied", "recorded"]
    wait()
    assert happened[3:] == ["waited"]
    for name, tensor in tensors.items():
        assert type(copied["network"][name]) is torch.Tensor
        assert torch.equal(copied["network"][name], tensor.as_subclass(torch.Tensor))


class _FillsUp(io.BytesIO):
    """A file that the disk refuses to take more of, once."""

    full = False

    def write(self, data: Any) -> int:
        if self.tell() > 5000 and not self.full:
            self.full = True
            _full()
        return super().write(data)


def test_a_disk_that_fills_up_in_the_middle_of_a_file_is_what_is_told_of() -> None:
    # torch ends its archive before it lets an error pass, and would complain of that instead.
    tensors = {name: torch.zeros(5000) for name in "abc"}
    file: Any = SimpleNamespace(open=lambda _: _FillsUp())
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        checkpoint._write(file, lambda stream: torch.save(tensors, stream))  # type: ignore[arg-type]
