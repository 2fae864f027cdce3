"""Journals folded into what a reader sees."""

from collections.abc import Callable

import pytest

from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.events import (
    CheckpointSaved,
    CommandAnswered,
    Event,
    HeldOutLogged,
    JobEnded,
    JobStarted,
    JobState,
    Logged,
    LossLogged,
    PhaseEntered,
    StageJudged,
    StageStarted,
    StageTrained,
)
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.runs.mirror import RunMirror

MakeRun = Callable[..., RunFolder]


def _loss(stage: str, step: int, loss: float) -> Event:
    return LossLogged(
        stage=stage,
        step=step,
        loss=loss,
        terms={"feature": loss / 2, "anchor": loss / 2},
        gradient_norm=1.0,
        learning_rate=0.1 * step,
        images_per_second=50.0,
    )


def _write(run: RunFolder, *events: Event) -> None:
    writer = JournalWriter(run.new_job("train").journal)
    for event in events:
        writer.write(event)
    writer.close()


def test_a_new_run_waits(mini_run: MakeRun) -> None:
    mirror = RunMirror(mini_run())
    assert not mirror.refresh()
    assert {stage.state for stage in mirror.stages.values()} == {"waiting"}
    assert [stage.total_steps for stage in mirror.stages.values()] == [12, 12, 16, 12, 12, 12]


def test_every_event_finds_its_place(mini_run: MakeRun) -> None:
    run = mini_run()
    _write(
        run,
        JobStarted(job=1, device="cpu", stage="teacher"),
        Logged(text="hello", level="warning"),
        StageStarted(stage="teacher", step=0, total_steps=16),
        PhaseEntered(phase="training", stage="teacher"),
        _loss("teacher", 4, 1.0),
        HeldOutLogged(stage="teacher", step=4, loss=0.9, accuracy=0.5),
        CheckpointSaved(stage="teacher", step=5),
        _loss("teacher", 8, 0.5),
        CommandAnswered(command="a" * 32, verb=Verb.SAVE),
        _loss("a stage of a newer version", 1, 1.0),
    )
    mirror = RunMirror(run)
    assert mirror.refresh()
    teacher = mirror.stages["teacher"]
    assert (teacher.state, teacher.step) == ("training", 8)
    assert teacher.loss.steps.tolist() == [4, 8]
    assert teacher.loss.values.tolist() == [1.0, 0.5]
    assert teacher.terms["anchor"].values.tolist() == [0.5, 0.25]
    assert teacher.learning_rate.values.tolist() == pytest.approx([0.4, 0.8])
    assert teacher.held_out.values.tolist() == [0.9]
    assert (teacher.accuracies.steps.tolist(), teacher.accuracies.values.tolist()) == ([4], [0.5])
    assert teacher.checkpoints == [5]
    assert (teacher.accuracy, teacher.images_per_second) == (0.5, 50.0)
    assert [line[1:] for line in mirror.log] == [("warning", "hello")]
    assert "a" * 32 in mirror.answers
    assert mirror.phase is not None
    assert mirror.ended is None
    version = mirror.version
    assert not mirror.refresh()
    assert mirror.version == version


def test_a_later_job_that_resumes_earlier_takes_back_what_went_beyond(mini_run: MakeRun) -> None:
    run = mini_run()
    _write(
        run,
        JobStarted(job=1, device="cpu", stage="teacher"),
        StageStarted(stage="teacher", step=0, total_steps=16),
        *(_loss("teacher", step, 1 / step) for step in range(1, 10)),
        HeldOutLogged(stage="teacher", step=8, loss=1.0),
        CheckpointSaved(stage="teacher", step=5),
    )
    mirror = RunMirror(run)
    mirror.refresh()
    assert mirror.stages["teacher"].step == 9
    _write(
        run,
        JobStarted(job=2, device="cpu", stage="teacher", step=5),
        StageStarted(stage="teacher", step=5, total_steps=16),
        _loss("teacher", 6, 42.0),
    )
    mirror.refresh()
    fresh = RunMirror(run)
    fresh.refresh()
    for seen in (mirror, fresh):
        teacher = seen.stages["teacher"]
        assert teacher.loss.steps.tolist() == [1, 2, 3, 4, 5, 6]
        assert teacher.loss.values.tolist()[-1] == 42.0
        assert len(teacher.held_out) == len(teacher.accuracies) == 0
        assert len(teacher.terms["feature"]) == 6
        assert teacher.checkpoints == [5]
        assert teacher.step == 6


def test_a_stage_begun_after_the_one_resumed_starts_over_and_finished_ones_stay(mini_run: MakeRun) -> None:
    run = mini_run()
    quality = StageQuality(stage="judge")
    _write(
        run,
        JobStarted(job=1, device="cpu", stage="judge"),
        StageStarted(stage="judge", step=0, total_steps=12),
        _loss("judge", 12, 0.1),
        StageTrained(stage="judge", step=12, seconds=2.0),
        StageJudged(quality=quality),
        StageStarted(stage="classifier", step=0, total_steps=12),
        _loss("classifier", 4, 1.0),
        JobEnded(state=JobState.STOPPED, sentence="Stopped."),
        JobStarted(job=2, device="cpu", stage="classifier", step=0),
    )
    mirror = RunMirror(run)
    mirror.refresh()
    judge, classifier = mirror.stages["judge"], mirror.stages["classifier"]
    assert (judge.state, judge.step, judge.seconds, judge.quality) == ("done", 12, 2.0, quality)
    assert len(judge.loss) == 1
    assert (classifier.state, classifier.step, len(classifier.loss)) == ("waiting", 0, 0)
    assert mirror.ended is None


def test_the_end_of_a_job_leaves_no_stage_at_work(mini_run: MakeRun) -> None:
    run = mini_run()
    _write(
        run,
        JobStarted(job=1, device="cpu", stage="judge"),
        StageStarted(stage="judge", step=0, total_steps=12),
        _loss("judge", 4, 1.0),
        JobEnded(state=JobState.FAILED, sentence="It broke."),
    )
    mirror = RunMirror(run)
    mirror.refresh()
    assert mirror.stages["judge"].state == "waiting"
    assert mirror.ended is not None
    assert mirror.ended.sentence == "It broke."


def test_the_same_checkpoint_announced_twice_is_listed_once(mini_run: MakeRun) -> None:
    # "Stop and keep" at a step that was saved a moment before says so again.
    run = mini_run()
    _write(run, CheckpointSaved(stage="judge", step=5), CheckpointSaved(stage="judge", step=5))
    mirror = RunMirror(run)
    mirror.refresh()
    assert mirror.stages["judge"].checkpoints == [5]


def test_a_finished_run_reads_as_finished(trained_run: RunFolder) -> None:
    mirror = RunMirror(trained_run)
    mirror.refresh()
    assert mirror.skipped == 0
    assert mirror.ended is not None
    assert mirror.ended.state is JobState.FINISHED
    for stage in mirror.stages.values():
        assert stage.state == "done"
        assert stage.step == stage.total_steps
        assert stage.quality == trained_run.quality(stage.id)
        assert stage.loss.steps[-1] == stage.held_out.steps[-1] == stage.total_steps
        assert stage.held_out.steps[0] == 0
    assert mirror.stages["classifier"].accuracy is not None
    assert set(mirror.stages["cfd-2"].terms) == {"feature", "anchor"}


def test_a_clock_set_back_reorders_nothing(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mini_run()
    now = 1e9
    monkeypatch.setattr("time.time", lambda: now)
    for job in (1, 2):
        events: list[Event] = [JobStarted(job=job, device="cpu", stage="teacher", step=0)]
        for step in range(1, 4):
            now -= 3600
            events += [Logged(text=f"{job}.{step}"), _loss("teacher", step, job + step)]
        _write(run, *events)
    mirror = RunMirror(run)
    mirror.refresh()
    assert [text for _, _, text in mirror.log] == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3"]
    assert mirror.stages["teacher"].loss.values.tolist() == [3.0, 4.0, 5.0]
    assert mirror.job is not None
    assert mirror.job.job == 2
