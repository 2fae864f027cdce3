"""What a person may ask of a living job, and that every wish is answered."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints
from cfd_studio.engine.controls import Controls, StopRequested
from cfd_studio.engine.reporter import Reporter
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.events import CheckpointSaved, CommandAnswered, Event, JobEnded, JobState, Logged, PhaseEntered
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.status import read_status

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]


def _answers(events: list[Event]) -> dict[str, CommandAnswered]:
    return {event.command: event for event in events if isinstance(event, CommandAnswered)}


def _short(recipe: dict[str, Any]) -> dict[str, Any]:
    return {"stages": recipe["stages"][:3]}


def test_a_pause_holds_the_job_and_leaves_the_weights_bitwise_as_they_would_have_been(
    mini_run: MakeRun,
    trained_run: RunFolder,
    mini_recipe: dict[str, Any],
    train: Train,
    command_at: Callable[..., Any],
    events_of: Callable[..., Any],
    fingerprints: Callable[..., Any],
) -> None:
    run = mini_run(**_short(mini_recipe))
    pauses = [command_at(stage, 6, Verb.PAUSE)[0] for stage in ("judge", "teacher")]
    ended: list[JobEnded] = []
    worker = threading.Thread(target=lambda: ended.append(train(run)))
    worker.start()
    resumes = []
    for stage in ("judge", "teacher"):
        deadline = time.monotonic() + 60
        while True:
            status = read_status(run.jobs()[-1].status) if run.jobs() else None
            if status and status.state is JobState.PAUSED and status.stage == stage:
                break
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert status.phase == "paused"
        before = run.jobs()[-1].journal.stat().st_size
        time.sleep(0.15)
        assert run.jobs()[-1].journal.stat().st_size == before
        assert worker.is_alive()
        resumes.append(Command(verb=Verb.RESUME))
        inbox.drop(run.jobs()[-1].inbox, resumes[-1])
    worker.join(60)
    assert ended[0].state is JobState.FINISHED
    phases = [one.phase for one in events_of(run) if isinstance(one, PhaseEntered) and one.stage == "teacher"]
    at = phases.index("paused")
    assert phases[at - 3 : at + 2] == ["training", "saving", "training", "paused", "training"]
    answers = _answers(events_of(run))
    assert all(answers[command.id].refused is None for command in [*pauses, *resumes])
    whole = fingerprints(trained_run)
    assert fingerprints(run) == {stage: whole[stage] for stage in ("judge", "classifier", "teacher")}


def test_a_paused_job_can_be_stopped_and_kept(
    mini_run: MakeRun, train: Train, command_at: Callable[..., Any], events_of: Callable[..., Any]
) -> None:
    run = mini_run()
    commands = command_at("judge", 6, Verb.PAUSE, Verb.STOP_KEEP)
    assert train(run).state is JobState.STOPPED
    assert [checkpoint_step(saved) for saved in checkpoints(run.stage("judge"))] == [5, 6]
    assert set(_answers(events_of(run))) == {command.id for command in commands}


def test_save_now_saves_at_that_very_step_and_says_so_afterwards(
    mini_run: MakeRun,
    trained_run: RunFolder,
    mini_recipe: dict[str, Any],
    train: Train,
    command_at: Callable[..., Any],
    events_of: Callable[..., Any],
    fingerprints: Callable[..., Any],
) -> None:
    run = mini_run(**_short(mini_recipe))
    (wish,) = command_at("teacher", 7, Verb.SAVE)
    assert train(run).state is JobState.FINISHED
    events = events_of(run)
    saved = [e.step for e in events if isinstance(e, CheckpointSaved) and e.stage == "teacher"]
    assert saved == [5, 7, 10, 15, 16]
    answer = _answers(events)[wish.id]
    assert answer.refused is None
    position = next(
        i for i, e in enumerate(events) if isinstance(e, CheckpointSaved) and (e.stage, e.step) == ("teacher", 7)
    )
    assert events.index(answer) > position
    assert fingerprints(run)["teacher"] == fingerprints(trained_run)["teacher"]


def test_save_while_paused_saves_and_stays_paused(
    mini_run: MakeRun, train: Train, command_at: Callable[..., Any], events_of: Callable[..., Any]
) -> None:
    run = mini_run()
    command_at("judge", 6, Verb.PAUSE, Verb.SAVE)
    worker = threading.Thread(target=train, args=(run,))
    worker.start()
    deadline = time.monotonic() + 60
    while not any(checkpoint_step(saved) == 6 for saved in checkpoints(run.stage("judge"))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    status = read_status(run.jobs()[-1].status)
    assert status is not None
    assert status.state is JobState.PAUSED
    assert not [e for e in events_of(run) if isinstance(e, CheckpointSaved) and e.step > 6]
    inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_DISCARD))
    worker.join(60)
    assert not worker.is_alive()


def test_stop_and_keep_before_anything_was_done_since_the_last_save(
    mini_run: MakeRun, train: Train, command_at: Callable[..., Any]
) -> None:
    run = mini_run()
    command_at("judge", 1, Verb.STOP_KEEP)
    train(run)

    # A stop that lies in the inbox before the first poll of the next job: nothing was done since.
    new_job = RunFolder.new_job

    def waiting(self: RunFolder, kind: str) -> JobFolder:
        made = new_job(self, kind)
        inbox.drop(made.inbox, Command(verb=Verb.STOP_KEEP))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "new_job", waiting)
        ended = train(run)
    assert ended.state is JobState.STOPPED
    assert "step 1 of stage 'judge'" in ended.sentence
    assert [checkpoint_step(saved) for saved in checkpoints(run.stage("judge"))] == [1]


def test_a_stop_during_evaluation_loses_nothing_that_was_trained(
    mini_run: MakeRun, train: Train, monkeypatch: pytest.MonkeyPatch, fingerprints: Callable[..., Any]
) -> None:
    from cfd_studio.engine import controls
    from cfd_studio.engine.jury import Jury

    run = mini_run()
    monkeypatch.setattr(controls, "POLL_SECONDS", 0.0)
    judge = Jury.judge

    def stopping(jury: Jury, *args: Any, **keywords: Any) -> Any:
        inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_DISCARD))
        return judge(jury, *args, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(Jury, "judge", stopping)
        assert train(run).state is JobState.STOPPED
    assert run.weights("teacher").exists()
    assert run.quality("teacher") is None
    before = fingerprints(run)
    assert train(run).state is JobState.FINISHED
    assert run.quality("teacher") is not None
    assert {stage: fingerprints(run)[stage] for stage in before} == before


@pytest.fixture
def listening(mini_run: MakeRun) -> Any:
    job = mini_run().new_job("train")
    reporter = Reporter(job)
    yield Controls(job, reporter), job
    reporter.close()


def _said(job: JobFolder) -> list[Event]:
    from cfd_studio.runs.journal import JournalReader

    return JournalReader(job.journal).read()


def test_a_stage_that_begins_has_none_of_the_steps_of_the_one_before(mini_run: MakeRun) -> None:
    job = mini_run().new_job("train")
    reporter = Reporter(job)
    reporter.progress("judge", 12, 12)
    for phase, stage, step in (("saving", "judge", 12), ("loading", "classifier", 0)):
        reporter.phase(phase, stage)
        status = read_status(job.status)
        assert status is not None
        assert (status.stage, status.step, status.total_steps) == (stage, step, step)
    reporter.close()


def test_a_stranger_in_the_inbox_is_logged_and_harmless(listening: tuple[Controls, JobFolder]) -> None:
    controls, job = listening
    (job.inbox / "1.json").write_text("boo")
    controls.poll()
    warnings = [event for event in _said(job) if isinstance(event, Logged) and event.level == "warning"]
    assert len(warnings) == 1
    assert "1.json" in warnings[0].text


def test_a_wish_to_save_is_refused_with_a_sentence_where_there_is_nothing_to_save(
    listening: tuple[Controls, JobFolder],
) -> None:
    controls, job = listening
    command = Command(verb=Verb.SAVE)
    inbox.drop(job.inbox, command)
    controls.poll(can_save=False)
    assert controls.saves == []
    assert _answers(_said(job))[command.id].refused


def test_the_inbox_is_looked_into_at_most_every_fifty_milliseconds(
    listening: tuple[Controls, JobFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    controls, _ = listening
    looks: list[inbox.Inbox] = []
    monkeypatch.setattr(inbox.Inbox, "take", lambda listener: (looks.append(listener), ([], []))[1])
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        controls.poll()
    assert 1 <= len(looks) <= 7


@pytest.mark.parametrize(("verb", "keep"), [(Verb.STOP_KEEP, True), (Verb.STOP_DISCARD, False)])
def test_a_stop_says_whether_to_save(listening: tuple[Controls, JobFolder], verb: Verb, keep: bool) -> None:
    controls, job = listening
    inbox.drop(job.inbox, Command(verb=verb))
    with pytest.raises(StopRequested) as caught:
        controls.poll()
    assert caught.value.keep is keep
    status = read_status(job.status)
    assert status is not None
    assert status.state is JobState.STOPPING


def test_every_one_of_several_wishes_to_save_is_answered(
    mini_run: MakeRun, train: Train, command_at: Callable[..., Any], events_of: Callable[..., Any]
) -> None:
    run = mini_run()
    commands = command_at("judge", 6, Verb.SAVE, Verb.SAVE)
    command_at("judge", 8, Verb.STOP_DISCARD)
    train(run)
    assert {command.id for command in commands} <= set(_answers(events_of(run)))


@pytest.mark.parametrize("verbs", [(Verb.SAVE, Verb.STOP_KEEP), (Verb.STOP_DISCARD, Verb.PAUSE)])
def test_what_was_asked_beside_a_stop_is_answered_as_well(
    mini_run: MakeRun,
    train: Train,
    command_at: Callable[..., Any],
    events_of: Callable[..., Any],
    verbs: tuple[Verb, ...],
) -> None:
    run = mini_run()
    commands = command_at("judge", 6, *verbs)
    assert train(run).state is JobState.STOPPED
    assert {command.id for command in commands} <= set(_answers(events_of(run)))
