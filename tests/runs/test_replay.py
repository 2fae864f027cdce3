"""Whatever was killed, cut, resumed or woke up late: no line of a journal is lost, doubled or misread."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import (
    CheckpointSaved,
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
    dump_event,
)
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.mirror import RunMirror

Told = Callable[[Any], dict[str, Any]]
TRAINED = ("trained", "evaluating", "done")


# --- A real journal, cut ---------------------------------------------------------------------------------------------


def _check_cuts(run: RunFolder, told: Told, cuts: Iterator[int] | list[int]) -> None:
    journal = run.jobs()[0].journal
    whole = journal.read_bytes()
    config = run.config()

    def read() -> dict[str, Any]:
        mirror = RunMirror(run, config)
        mirror.refresh()
        return told(mirror)

    expected: dict[int, dict[str, Any]] = {}
    for cut in cuts:
        complete = whole[:cut].rfind(b"\n") + 1
        if complete not in expected:
            journal.write_bytes(whole[:complete])
            expected[complete] = read()
        if cut != complete:
            journal.write_bytes(whole[:cut])
            assert read() == expected[complete]
        assert expected[complete]["skipped"] == 0
    journal.write_bytes(whole)


def _line_feeds(run: RunFolder) -> list[int]:
    whole = run.jobs()[0].journal.read_bytes()
    return [at for at, byte in enumerate(whole) if byte == ord("\n")]


def test_a_journal_cut_around_any_line_feed_tells_its_complete_lines(trained_run: RunFolder, told: Told) -> None:
    cuts = [cut for at in _line_feeds(trained_run) for cut in (at - 1, at, at + 1, at + 2)]
    _check_cuts(trained_run, told, sorted({0, 1, *cuts}))


@pytest.mark.slow
def test_a_journal_cut_at_any_byte_tells_its_complete_lines(trained_run: RunFolder, told: Told) -> None:
    _check_cuts(trained_run, told, list(range(len(trained_run.jobs()[0].journal.read_bytes()) + 1)))


@pytest.mark.parametrize("torn", [1, 40, 10_000])
def test_a_job_after_a_cut_one_goes_on_from_its_complete_lines(trained_run: RunFolder, told: Told, torn: int) -> None:
    config = trained_run.config()
    journal = trained_run.jobs()[0].journal
    whole = journal.read_bytes()
    second = trained_run.new_job("train")
    second.journal.write_bytes(
        b"".join(
            dump_event(event)
            for event in (
                JobStarted(job=2, device="cpu", stage="teacher", step=10),
                StageStarted(stage="teacher", step=10, total_steps=16),
                LossLogged(stage="teacher", step=12, loss=7.0, gradient_norm=1, learning_rate=1, images_per_second=1),
            )
        )
    )
    for line_feed, following in itertools.pairwise(_line_feeds(trained_run)):
        seen = []
        for cut in (line_feed + 1, min(line_feed + 1 + torn, following)):
            journal.write_bytes(whole[:cut])
            mirror = RunMirror(trained_run, config)
            mirror.refresh()
            seen.append(told(mirror))
        assert seen[0] == seen[1]
        teacher = mirror.stages["teacher"]
        assert (teacher.state, teacher.step, teacher.loss.values[-1]) == ("training", 12, 7.0)
        assert teacher.loss.steps.tolist() == sorted(set(teacher.loss.steps.tolist()))
        assert all(step <= 10 for step in [*teacher.held_out.steps, *teacher.checkpoints])
        assert mirror.stages["judge"].state in TRAINED
        journal.write_bytes(whole)


# --- Jobs that train, die and go on, against a model that knows the truth ---------------------------------------------


@dataclass
class Disk:
    """What survives a kill: which stages have weights and figures, and each stage's newest checkpoint."""

    config: RunConfig
    weights: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    saved: dict[str, int] = field(default_factory=dict)

    def job(self, number: int) -> Iterator[Event]:
        """Yield what a job says, in the order of the engine; what it writes is written between two events."""
        stages = [(stage.id, stage.optimization.steps) for stage in self.config.stages]
        first = next((name for name, _ in stages if name not in self.weights), None)
        step = self.saved.get(first or "", 0)
        yield JobStarted(job=number, device="cpu", stage=first, step=step)
        yield Logged(text=f"job {number}")
        for name, total in stages:
            if name not in self.weights:
                yield from self._train(number, name, total)
                self.weights.add(name)
                yield StageTrained(stage=name, step=total, seconds=1.0)
            if name not in self.judged:
                yield PhaseEntered(phase="evaluating", stage=name)
                self.judged.add(name)
            yield StageJudged(quality=StageQuality(stage=name))
        yield JobEnded(state=JobState.FINISHED, sentence="Done.")

    def _train(self, number: int, name: str, total: int) -> Iterator[Event]:
        journal = self.config.journal
        step = self.saved.get(name, 0)
        yield StageStarted(stage=name, step=step, total_steps=total)
        yield Logged(text=f"{name} from {step} by {number}")
        if step == 0:
            yield HeldOutLogged(stage=name, step=0, loss=number)
        while step < total:
            step += 1
            if step % journal.log_every == 0 or step == total:
                loss = number + step / 1000
                terms = {"feature": loss, "anchor": -loss} if name.startswith("cfd") else {}
                yield LossLogged(
                    stage=name,
                    step=step,
                    loss=loss,
                    terms=terms,
                    gradient_norm=1.0,
                    learning_rate=0.1,
                    images_per_second=1.0,
                )
            if step % journal.held_out_every == 0 or step == total:
                yield HeldOutLogged(stage=name, step=step, loss=number)
            if step % journal.checkpoint_every == 0 or step == total:
                self.saved[name] = step
                yield CheckpointSaved(stage=name, step=step)


@dataclass(frozen=True)
class Life:
    """How one job goes: what it says before it dies, how much of its last line, and how much more if it only slept."""

    lines: int
    torn: int = 0
    later: int = 0
    looks: frozenset[int] = frozenset()


_lives = st.lists(
    st.builds(
        Life,
        lines=st.integers(0, 60),
        torn=st.integers(0, 200),
        later=st.sampled_from([0, 0, 0, 1, 4]),
        looks=st.frozensets(st.integers(0, 60), max_size=6),
    ),
    max_size=8,
)


def _truth(config: RunConfig, told_by_job: list[list[Event]]) -> dict[str, dict[str, dict[int, float]]]:
    """Return the curves that are left: of each stage and curve, the value by step; by dictionaries and nothing else."""
    curves: dict[str, dict[str, dict[int, float]]] = {stage.id: {} for stage in config.stages}

    def put(stage: str, curve: str, step: int, value: float) -> None:
        points = curves[stage].setdefault(curve, {})
        for gone in [at for at in points if at >= step]:
            del points[gone]
        points[step] = value

    for events in told_by_job:
        for event in events:
            match event:
                case JobStarted(stage=stage, step=step) | StageStarted(stage=stage, step=step) if stage:
                    for points in curves[stage].values():
                        for gone in [at for at in points if at > step]:
                            del points[gone]
                case LossLogged():
                    put(event.stage, "loss", event.step, event.loss)
                    for term, value in event.terms.items():
                        put(event.stage, term, event.step, value)
                case HeldOutLogged():
                    put(event.stage, "held-out", event.step, event.loss)
                case CheckpointSaved():
                    put(event.stage, "checkpoints", event.step, 0.0)
    return curves


def _append(job: JobFolder, data: bytes) -> None:
    with job.journal.open("ab") as stream:
        stream.write(data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(lives=_lives, indexed=st.booleans())
@example(lives=[Life(30, 0, 4), Life(20), Life(500)], indexed=False)  # one that slept while another one trained
@example(lives=[Life(12), Life(12), Life(500), Life(500)], indexed=True)
@example(lives=[Life(8), Life(1)], indexed=False)  # killed before it went on with the stage that it went back in
@example(lives=[Life(13, 20), Life(1)], indexed=False)  # killed between the weights and the word that they are there
def test_the_mirror_knows_every_line_once_whatever_was_killed_and_resumed(
    mini_config: Callable[..., RunConfig], told: Told, lives: list[Life], indexed: bool
) -> None:
    config = mini_config()
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr("cfd_studio.runs.index.WORTHWHILE", 500)
        indexes = Path(place) / "indexes" if indexed else None
        run = RunFolder.create(Path(place) / "run", config)
        live = RunMirror(run, config, indexes=indexes)
        disk, said, asleep = Disk(config), [], []
        for number, life in enumerate(lives, 1):
            job = run.new_job("train")
            events: list[Event] = []
            said.append(events)
            story = disk.job(number)
            for _ in range(life.lines):
                event = next(story, None)
                if event is None:
                    break
                _append(job, dump_event(event))
                events.append(event)
                if len(events) in life.looks:
                    live.refresh()
            if life.later:
                line = LossLogged(
                    stage="pd-2", step=1, loss=-number, gradient_norm=1, learning_rate=1, images_per_second=1
                )
                asleep.append((job, events, [line.model_copy(update={"step": at + 1}) for at in range(life.later)]))
            else:
                torn = next(story, None)
                _append(job, dump_event(torn)[:-1][: life.torn] if torn else b"")
        for job, events, late in asleep:
            for event in late:
                _append(job, dump_event(event))
                events.append(event)
                live.refresh()
        live.refresh()
        fresh, again = RunMirror(run, config), RunMirror(run, config, indexes=indexes)
        fresh.refresh()
        again.refresh()
        assert told(live) == told(fresh) == told(again)
        assert fresh.skipped == 0
        _compare(fresh, _truth(config, said), said)
        if not asleep:
            _compare_states(fresh, disk, said)


def _compare(mirror: RunMirror, truth: dict[str, dict[str, dict[int, float]]], said: list[list[Event]]) -> None:
    for name, stage in mirror.stages.items():
        series = {"loss": stage.loss, "held-out": stage.held_out, **stage.terms}
        seen = {
            curve: dict(zip(one.steps.tolist(), one.values.tolist(), strict=True))
            for curve, one in series.items()
            if len(one)
        }
        expected = {curve: points for curve, points in truth[name].items() if points and curve != "checkpoints"}
        assert seen == expected
        assert stage.checkpoints == list(truth[name].get("checkpoints", {}))
    lines = [event.text for events in said for event in events if isinstance(event, Logged)]
    assert [text for _, _, text in mirror.log] == lines
    assert mirror.log_count == len(lines)


def _compare_states(mirror: RunMirror, disk: Disk, said: list[list[Event]]) -> None:
    begun = [event.stage for events in said for event in events if isinstance(event, JobStarted)]
    before = itertools.takewhile(lambda name: name != begun[-1], mirror.stages) if begun else ()
    assert all(mirror.stages[name].state in TRAINED for name in before)
    for name, stage in mirror.stages.items():
        heard = {type(event) for events in said for event in events if getattr(event, "stage", None) == name}
        if stage.state in TRAINED:
            assert name in disk.weights
        elif StageTrained in heard:
            pytest.fail(f"{name} is trained and shown as {stage.state}")
        if any(isinstance(event, StageJudged) and event.quality.stage == name for events in said for event in events):
            assert stage.state == "done"
            assert stage.quality is not None
    last = said[-1] if said else []
    finished = bool(last) and isinstance(last[-1], JobEnded)
    assert (mirror.ended is not None) == (finished or bool(said and not last and _ended_before(said)))


def _ended_before(said: list[list[Event]]) -> bool:
    told = [events for events in said if events]
    return bool(told) and isinstance(told[-1][-1], JobEnded)
