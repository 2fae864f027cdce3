"""What a feed hands over of a run that somebody else works on: strips, progress of reading, and time left."""

import os
import shutil
import time
from collections.abc import Callable, Iterator

import pytest

from cfd_studio.gui import run_feed as module
from cfd_studio.gui.models.forecast import forecast
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.run_feed import RunFeed
from cfd_studio.protocol.events import (
    Event,
    JobStarted,
    LossLogged,
    PhaseEntered,
    StageJudged,
    StageStarted,
    StageTrained,
    dump_event,
)
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.status import JobStatus

MakeRun = Callable[..., RunFolder]


@pytest.fixture
def follow() -> Iterator[Callable[[RunFolder], RunFeed]]:
    feeds: list[RunFeed] = []

    def begin(run: RunFolder) -> RunFeed:
        feeds.append(RunFeed(run.path))
        return feeds[-1]

    yield begin
    for feed in feeds:
        feed.close()


def _until(feed: RunFeed, told: Callable[[RunSnapshot], bool], seconds: float = 30.0) -> list[RunSnapshot]:
    """Return all snapshots up to the first of which that is true."""
    seen: list[RunSnapshot] = []
    deadline = time.monotonic() + seconds
    while not seen or not told(seen[-1]):
        assert time.monotonic() < deadline, seen[-1:]
        if snapshot := feed.take():
            seen.append(snapshot)
        time.sleep(0.005)
    return seen


def test_strips_appear_as_they_are_drawn_and_a_stranger_in_the_folder_is_none(
    trained_run: RunFolder, follow: Callable[[RunFolder], RunFeed]
) -> None:
    folder = trained_run.stage("teacher") / "samples"
    feed = follow(trained_run)
    first = _until(feed, lambda snapshot: snapshot.stages["teacher"].state == "done")[-1].stages["teacher"]
    assert first.strips == ((16, folder / "step-00000016.png"),)
    assert first.strip is not None
    (folder / "step-8.png").write_bytes(b"no strip")
    shutil.copy(folder / "step-00000016.png", folder / "step-00000004.png")
    os.utime(folder, (1, 1))  # a disk whose clock is coarse may not tell two changes apart; the test does
    told = _until(feed, lambda snapshot: len(snapshot.stages["teacher"].strips) > 1)[-1].stages["teacher"]
    assert [step for step, _ in told.strips] == [4, 16]
    assert told.strips[0][1].read_bytes() == told.strips[1][1].read_bytes()


def _loss(stage: str, step: int, pace: float) -> LossLogged:
    return LossLogged(
        stage=stage, step=step, loss=1.0, gradient_norm=1.0, learning_rate=1.0, images_per_second=pace, terms={"a": 1}
    )


def _tell(run: RunFolder, job: int, *events: Event) -> None:
    with run.jobs()[job - 1].journal.open("ab") as stream:
        stream.write(b"".join(map(dump_event, events)))


def test_a_long_journal_is_shown_while_it_is_read(
    mini_run: MakeRun, follow: Callable[[RunFolder], RunFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE_SECONDS", 0.0)
    run = mini_run()
    run.new_job("train")
    _tell(run, 1, *(_loss("teacher", step, 1.0) for step in range(1, 30_001)))
    seen = _until(follow(run), lambda snapshot: snapshot.reading == 1.0)
    shares = [snapshot.reading for snapshot in seen]
    assert shares == sorted(shares)
    assert len(shares) > 2
    assert 0 < shares[0] < 1
    for snapshot in seen:
        assert len(snapshot.stages["teacher"].loss) == pytest.approx(30_000 * snapshot.reading, rel=0.05)


def test_time_left_goes_by_what_this_job_has_timed_and_says_nothing_before(
    mini_run: MakeRun, follow: Callable[[RunFolder], RunFeed]
) -> None:
    run = mini_run()
    now = time.time() - 100
    run.new_job("train")
    (run.jobs()[0].status).write_text(JobStatus(phase="training").model_dump_json())
    _tell(run, 1, JobStarted(job=1, device="cpu", stage="judge"))
    feed = follow(run)
    assert forecast(_until(feed, lambda seen: seen.job == 1)[-1]).seconds_left is None
    done = [
        event
        for stage in ("judge", "classifier")
        for event in (StageStarted(stage=stage, step=0, total_steps=12), _loss(stage, 12, 1000.0))
    ]
    done += [StageTrained(stage=stage, step=12, seconds=0.2) for stage in ("judge", "classifier")]
    _tell(run, 1, *done)
    seen = _until(feed, lambda seen: seen.stages["classifier"].trained)[-1]
    assert forecast(seen).seconds_left is None  # a classifier says nothing of a teacher
    _tell(run, 1, StageStarted(stage="teacher", step=0, total_steps=16), _loss("teacher", 4, 32.0))
    seen = _until(feed, lambda seen: seen.stages["teacher"].step == 4)[-1]
    teacher, students, calls = 12 * 16, 12 * 16, [8 + 2 + 1, 4 + 2 + 1, 2 + 1, 2 + 1]
    work = teacher + students * (1.8 + 1.8 + 2.2) + 0.3 * 32 * sum(calls)
    assert forecast(seen).seconds_left == pytest.approx(work / 32.0)
    assert forecast(seen).fraction == pytest.approx(1 - work / (work + 16 * 4 + 0.05 * 2 * 12 * 16))
    # Trained by the next job, three times slower, and judged: 40 s, of which it was paused for 10.
    run.new_job("train")
    _tell(run, 2, JobStarted(job=2, device="cpu", stage="teacher", step=4))
    seen = _until(feed, lambda seen: seen.job == 2 and seen.stages["teacher"].begun is None)[-1]
    assert forecast(seen).seconds_left is None  # what another job took is no rate of this one
    _tell(
        run,
        2,
        StageStarted(stage="teacher", step=4, total_steps=16),
        _loss("teacher", 8, 10.0),
        _loss("teacher", 16, 10.0),
        StageTrained(stage="teacher", step=16, seconds=9),
        PhaseEntered(time=now, phase="evaluating", stage="teacher"),
        PhaseEntered(time=now + 20, phase="paused", stage="teacher"),
        PhaseEntered(time=now + 30, phase="evaluating", stage="teacher"),
        StageJudged(time=now + 40, quality=StageQuality(stage="teacher")),
        PhaseEntered(time=now + 40, phase="loading", stage="pd-4"),
    )
    seen = _until(feed, lambda seen: seen.stages["teacher"].state == "done")[-1]
    assert seen.stages["teacher"].judging == pytest.approx(30.0)
    judged = 32 * calls[0]
    unit = (teacher / 10.0 + 30.0) / (teacher + 0.3 * judged)
    left = unit * students * (1.8 + 1.8 + 2.2) + 30.0 / judged * 32 * sum(calls[1:])
    assert forecast(seen).seconds_left == pytest.approx(left)
