"""A job from its first step to its last, and everything that may come between."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cfd_studio.data.digits import load_digits
from cfd_studio.engine import job as job_module
from cfd_studio.engine import trainer as trainer_module
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints, load_checkpoint
from cfd_studio.engine.classification import ClassifierObjective
from cfd_studio.engine.controls import POLL_SECONDS
from cfd_studio.engine.loading import load_network
from cfd_studio.engine.loop import Loop
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.trainer import Trainer
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import CfdError, JobError
from cfd_studio.protocol.events import (
    Event,
    HeldOutLogged,
    JobEnded,
    JobStarted,
    JobState,
    LossLogged,
    StageJudged,
    StageStarted,
    StageTrained,
    dump_event,
)
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease, current_holder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]
EventsOf = Callable[..., list[Event]]
Fingerprints = Callable[[RunFolder], dict[str, str]]
STAGES = ["judge", "classifier", "teacher", "pd-4", "pd-2", "cfd-2"]


class _EnoughError(CfdError):
    pass


def _until_first_step_of(monkeypatch: pytest.MonkeyPatch, stage: str) -> list[Loop]:
    """End the job where a stage would begin, and hand over what it would have begun with."""
    seen: list[Loop] = []
    train = Loop.train

    def capture(loop: Loop) -> None:
        if loop.stage.id == stage:
            seen.append(loop)
            raise _EnoughError("enough")
        train(loop)

    monkeypatch.setattr(Loop, "train", capture)
    return seen


def test_the_miniature_run_leaves_everything_that_a_run_promises(trained_run: RunFolder, events_of: EventsOf) -> None:
    run, config = trained_run, trained_run.config()
    events = events_of(run)
    assert isinstance(events[0], JobStarted)
    assert isinstance(events[-1], JobEnded)
    assert events[-1].state is JobState.FINISHED
    assert [event.stage for event in events if isinstance(event, StageStarted)] == STAGES
    assert [event.stage for event in events if isinstance(event, StageTrained)] == STAGES
    assert [event.quality.stage for event in events if isinstance(event, StageJudged)] == STAGES
    status = read_status(run.jobs()[0].status)
    assert status is not None
    assert status.state is JobState.FINISHED
    assert current_holder(run) is None
    for stage in config.stages:
        steps = stage.optimization.steps
        assert checkpoint_step(checkpoints(run.stage(stage.id))[-1]) == steps
        assert len(checkpoints(run.stage(stage.id))) == 2
        losses = [event for event in events if isinstance(event, LossLogged) and event.stage == stage.id]
        assert losses[-1].step == steps
        assert len({event.step for event in losses}) == len(losses)
        assert all(torch.isfinite(torch.tensor([event.loss, event.gradient_norm])).all() for event in losses)
    for stage in config.diffusion_stages():
        quality = run.quality(stage.id)
        assert quality is not None
        own = config.own_steps(stage)
        assert [one.sampling_steps for one in quality.judgements] == sorted({own, 2, 1}, reverse=True)
        for judgement in quality.judgements:
            assert judgement.network_calls == judgement.sampling_steps
            assert {(figure.space.split()[0], figure.reference) for figure in judgement.figures} == {
                (space, reference) for space in ("judge", "pixels") for reference in ("held-out", "train")
            }
            assert {figure.samples for figure in judgement.figures} == {32}
        assert {figure.space.split()[0] for figure in quality.floor} == {"judge", "pixels"}
        assert set(quality.accuracies) == {"judge", "classifier"}
        assert list((run.stage(stage.id) / "samples").glob("*.png"))
    leftovers = [path for path in run.path.rglob("*") if "partial" in path.name]
    assert not leftovers


def test_another_job_on_a_finished_run_changes_nothing(
    trained_run: RunFolder, train: Train, fingerprints: Fingerprints
) -> None:
    before = fingerprints(trained_run)
    assert train(trained_run).state is JobState.FINISHED
    assert fingerprints(trained_run) == before


def test_a_child_starts_from_the_weights_its_parent_samples_with(
    trained_run: RunFolder, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained_run
    run.weights("pd-4").unlink()
    for old in checkpoints(run.stage("pd-4")):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    seen = _until_first_step_of(monkeypatch, "pd-4")
    train(run)
    averaged = load_network(run, run.config(), "teacher", "cpu").state_dict()
    last = load_checkpoint(checkpoints(run.stage("teacher"))[-1], "cpu")
    child = seen[0].state
    assert child.step == child.batches.position == 0
    assert not child.optimizer.state
    assert child.ema is None
    for name, value in child.network.state_dict().items():
        assert torch.equal(value, averaged[name]), name
        assert torch.equal(value, last["ema"][name]), name
    # The average is not what the teacher was last optimised to: the test would be empty otherwise.
    assert any(not torch.equal(averaged[name], last["network"][name]) for name in averaged)


@pytest.mark.parametrize("verb", [Verb.STOP_KEEP, Verb.STOP_DISCARD])
def test_stopped_in_the_middle_of_every_stage_and_resumed_is_bitwise_the_uninterrupted_run(
    mini_run: MakeRun,
    trained_run: RunFolder,
    train: Train,
    command_at: Callable[..., Any],
    events_of: EventsOf,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
    verb: Verb,
) -> None:
    # Whether or not another core computes the targets a step early, which no checkpoint may show.
    monkeypatch.setattr(trainer_module, "has_idle_core", lambda: verb is Verb.STOP_KEEP)
    run = mini_run()
    saved = 7 if verb is Verb.STOP_KEEP else 5  # a discarding stop falls back to the newest checkpoint
    for stage in STAGES:
        command_at(stage, 7, verb)
        ended = train(run)
        assert ended.state is JobState.STOPPED
        assert f"step {saved} of stage '{stage}'" in ended.sentence
        assert checkpoint_step(checkpoints(run.stage(stage))[-1]) == saved
        assert current_holder(run) is None
    assert train(run).state is JobState.FINISHED
    started = events_of(run)[0]
    assert isinstance(started, JobStarted)
    assert (started.stage, started.step) == ("cfd-2", saved)
    assert fingerprints(run) == fingerprints(trained_run)
    # Everything that says something of quality is the same too, seconds aside.
    for stage in STAGES:
        ours, theirs = run.quality(stage), trained_run.quality(stage)
        assert ours is not None
        assert theirs is not None
        assert [one.figures for one in ours.judgements] == [one.figures for one in theirs.judgements]
    mirror = RunMirror(run)
    mirror.refresh()
    assert {stage.state for stage in mirror.stages.values()} == {"done"}


def test_a_run_whose_weights_file_was_lost_rebuilds_it_from_the_checkpoint(
    trained_run: RunFolder, train: Train, fingerprints: Fingerprints
) -> None:
    before = fingerprints(trained_run)
    trained_run.weights("teacher").unlink()
    assert train(trained_run).state is JobState.FINISHED
    assert fingerprints(trained_run) == before


def test_a_loss_that_is_not_finite_ends_the_job_names_the_stage_and_keeps_the_last_checkpoint(
    mini_run: MakeRun,
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = mini_run()
    terms = ClassifierObjective.terms
    calls = iter(range(1000))

    def poisoned(self: ClassifierObjective, *args: Any) -> dict[str, torch.Tensor]:
        factor = float("nan") if next(calls) == 18 else 1.0  # the seventh step of the second stage
        return {name: value * factor for name, value in terms(self, *args).items()}

    with monkeypatch.context() as patch:
        patch.setattr(ClassifierObjective, "terms", poisoned)
        ended = train(run)
    assert ended.state is JobState.FAILED
    assert "'classifier'" in ended.sentence
    assert "cross-entropy" in ended.sentence
    assert "at step 7 of stage" in ended.sentence
    assert ended.details is None
    assert not run.weights("classifier").exists()
    assert [checkpoint_step(saved) for saved in checkpoints(run.stage("classifier"))] == [5]
    assert current_holder(run) is None
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run) == fingerprints(trained_run)


def test_weights_that_are_not_finite_are_never_saved_not_even_by_stop_and_keep(
    mini_run: MakeRun, train: Train, command_at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    terms = ClassifierObjective.terms
    monkeypatch.setattr(
        ClassifierObjective,
        "terms",
        lambda self, *args: {name: value * float("nan") for name, value in terms(self, *args).items()},
    )
    command_at("judge", 2, Verb.STOP_KEEP)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert "'judge'" in ended.sentence
    assert checkpoints(run.stage("judge")) == []


def test_an_unexpected_error_is_one_sentence_with_the_traceback_beside_it_and_the_lease_is_given_back(
    mini_run: MakeRun, train: Train, events_of: EventsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    monkeypatch.setattr(Trainer, "step", lambda trainer: 1 / 0)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert "ZeroDivisionError" in ended.sentence
    assert "\n" not in ended.sentence
    assert ended.details is not None
    assert "Traceback" in ended.details
    assert events_of(run)[-1] == ended
    assert current_holder(run) is None
    status = read_status(run.jobs()[0].status)
    assert status is not None
    assert (status.state, status.sentence) == (JobState.FAILED, ended.sentence)


def test_a_run_that_is_being_trained_is_refused_and_not_touched(mini_run: MakeRun, train: Train) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    with pytest.raises(CfdError, match="another trainer"):
        train(run)
    assert run.jobs() == []
    lease.check()


def test_a_job_that_was_overtaken_saves_nothing_more(
    mini_run: MakeRun, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    step_once = Trainer.step

    def step(trainer: Trainer) -> None:
        if trainer.state.step == 6:
            (run.path / "lease.json").unlink()
            Lease.acquire(run)
        step_once(trainer)

    monkeypatch.setattr(Trainer, "step", step)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert "took this run over" in ended.sentence
    assert [checkpoint_step(saved) for saved in checkpoints(run.stage("judge"))] == [5]
    assert not run.weights("judge").exists()
    assert current_holder(run) is not None  # the other one's


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(mini_run: MakeRun) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    run = mini_run()
    with pytest.raises(CfdError, match="CUDA"):
        job_module.run_job(run, ExecutionRequest(device="cuda:0"))
    assert run.jobs() == []
    assert current_holder(run) is None


def test_a_damaged_config_stops_a_job_before_it_begins(mini_run: MakeRun, train: Train) -> None:
    run = mini_run()
    (run.path / "config.json").write_text("{")
    with pytest.raises(CfdError, match="config"):
        train(run)
    assert run.jobs() == []


def test_a_truncated_checkpoint_is_named_nothing_is_lost_and_the_one_before_it_serves(
    mini_run: MakeRun,
    trained_run: RunFolder,
    train: Train,
    command_at: Callable[..., Any],
    fingerprints: Fingerprints,
) -> None:
    run = mini_run()
    command_at("teacher", 7, Verb.STOP_KEEP)
    train(run)
    newest = checkpoints(run.stage("teacher"))[-1]
    data = (newest / "state.pt").read_bytes()
    (newest / "state.pt").write_bytes(data[: len(data) // 2])
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert str(newest / "state.pt") in ended.sentence
    assert "truncated" in ended.sentence
    assert newest.exists()
    (newest / "state.pt").unlink()
    (newest / "manifest.json").unlink()
    newest.rmdir()
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run) == fingerprints(trained_run)


def test_the_execution_plan_of_the_first_job_is_used_again(
    mini_run: MakeRun, command_at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    measured: list[int] = []
    monkeypatch.setattr(job_module, "choose_threads", lambda *args, **how: measured.append(1) or 1)
    for _ in range(2):
        command_at("judge", 2, Verb.STOP_DISCARD)
        job_module.run_job(run, ExecutionRequest(device="cpu", threads=0))
    assert len(measured) == 1
    assert run.jobs()[0].read_plan() == run.jobs()[1].read_plan()


def test_a_stop_is_heard_while_the_threads_are_measured(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mini_run()
    steps: list[int] = []

    def measure(wanted: Any, device: Any, typical: Any, sharers: int, poll: Any) -> int:
        step = typical()
        for _ in range(10):
            time.sleep(POLL_SECONDS)
            poll()
            step()
            steps.append(1)
            inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_DISCARD))
        return 1

    monkeypatch.setattr(job_module, "choose_threads", measure)
    assert job_module.run_job(run, ExecutionRequest(device="cpu", threads=0)).state is JobState.STOPPED
    assert steps == [1]


@pytest.mark.parametrize(
    ("adopted", "fed"), [([], ("teacher", 32)), (["teacher"], ("pd-4", 24)), (STAGES, ("teacher", 16))]
)
def test_threads_are_measured_with_what_is_trained_or_with_a_few_images(
    adopted: list[str], fed: tuple[str, int], mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = mini_run(evaluation={"judge": "judge", "samples": 32, "batch_size": 500}).config()
    batches = {"teacher": 32, "pd-4": 24}
    stages = []
    for stage in config.stages:
        how = stage.optimization
        assert how is not None
        how = how.model_copy(update={"batch_size": batches.get(stage.id, 8)})
        stages.append(stage.model_copy(update={"optimization": None if stage.id in adopted else how}))
    config = config.model_copy(update={"stages": tuple(stages)})
    built: list[tuple[str, int]] = []

    class Spy(torch.nn.Module):
        def __init__(self, stage: str) -> None:
            super().__init__()
            self.stage, self.scale = stage, torch.nn.Parameter(torch.ones(()))

        def forward(self, images: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
            built.append((self.stage, len(images)))
            return images * self.scale * levels.view(-1, 1, 1, 1)

    monkeypatch.setattr(job_module, "build_network", lambda _config, stage, *_: Spy(stage.id))
    monkeypatch.setattr(job_module, "choose_threads", lambda _wanted, _device, typical, **_: typical()() or 1)
    request, listening = ExecutionRequest(device="cpu"), SimpleNamespace(poll=lambda: None, log=lambda _: None)
    job_module._execution_plan(  # type: ignore[arg-type]
        config, request, "cpu", load_digits(), [], listening, listening, Turns(), Ranks()
    )
    assert built == [fed]


def test_the_held_out_loss_repeats_to_the_last_bit(trained_run: RunFolder, events_of: EventsOf) -> None:
    from cfd_studio.engine.build import derive_seed
    from cfd_studio.engine.datasets import load_data
    from cfd_studio.engine.loading import load_objective

    config = trained_run.config()
    data = load_data(config.data)
    for stage_id in STAGES:
        objective = load_objective(trained_run, config, config.stage(stage_id), "cpu")
        network = load_network(trained_run, config, stage_id, "cpu")
        seed = derive_seed(config.seed, stage_id, "held-out")
        state = torch.get_rng_state()
        first = objective.held_out(network, data.held_out, seed)
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(123)
        assert objective.held_out(network, data.held_out, seed) == first
        logged = [e for e in events_of(trained_run) if isinstance(e, HeldOutLogged) and e.stage == stage_id]
        assert logged[-1].loss == pytest.approx(first.loss, rel=1e-6)


def test_killed_between_the_figures_and_the_line_that_says_so_a_stage_still_reads_as_done(
    trained_run: RunFolder, train: Train
) -> None:
    run = trained_run
    lines = run.jobs()[0].journal.read_bytes().splitlines(keepends=True)
    index = max(i for i, line in enumerate(lines) if json.loads(line)["kind"] == "stage-judged")
    run.jobs()[0].journal.write_bytes(b"".join(lines[:index]))
    assert train(run).state is JobState.FINISHED
    mirror = RunMirror(run)
    mirror.refresh()
    assert mirror.stages["cfd-2"].quality == run.quality("cfd-2")
    assert mirror.stages["cfd-2"].state == "done"


def test_a_checkpoint_of_something_else_is_one_clear_sentence(
    mini_run: MakeRun, train: Train, command_at: Callable[..., Any]
) -> None:
    from cfd_studio.engine.checkpoint import save_checkpoint

    run = mini_run()
    save_checkpoint(run.stage("judge"), 5, {"network": {}, "step": 5}, keep=2)
    ended = train(run)
    assert ended.state is JobState.FAILED
    assert "unexpected" not in ended.sentence
    assert "state.pt" in ended.sentence


def test_a_network_with_more_levels_than_the_image_has_halvings_is_refused_before_the_first_stage(
    mini_recipe: dict[str, Any], mini_config: Callable[..., Any], tmp_path: Any, train: Train
) -> None:
    network = mini_recipe["network"] | {"multipliers": [1, 1, 1, 1, 1]}  # 8, 4, 2, 1, and no further
    stages = [mini_recipe["stages"][0], mini_recipe["stages"][2]]
    with pytest.raises(CfdError):
        train(RunFolder.create(tmp_path / "run", mini_config(network=network, stages=stages)))


def test_what_others_draw_in_the_same_process_does_not_reach_the_training(
    mini_run: MakeRun,
    mini_recipe: dict[str, Any],
    trained_run: RunFolder,
    train: Train,
    fingerprints: Fingerprints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Two jobs in two threads of the window are each such an other to one another.
    listen = Loop._listen

    def draw_and_listen(loop: Loop) -> None:
        torch.rand(1)
        listen(loop)

    monkeypatch.setattr(Loop, "_listen", draw_and_listen)
    run = mini_run(stages=mini_recipe["stages"][:1])
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run)["judge"] == fingerprints(trained_run)["judge"]


def test_the_teachers_prediction_may_be_x_as_well(mini_recipe: dict[str, Any], mini_run: MakeRun, train: Train) -> None:
    run = mini_run(prediction="x", stages=[mini_recipe["stages"][0], mini_recipe["stages"][2]])
    assert train(run).state is JobState.FINISHED


def test_an_error_in_a_stage_is_a_job_error_with_exit_code_one() -> None:
    assert JobError("x").exit_code == 1
    assert dump_event(JobEnded(state=JobState.FAILED, sentence="x"))
