"""One job: take the run, go on where it stands, train and judge every stage, give the run back."""

import traceback
from dataclasses import dataclass

import torch

from cfd_studio.data.batches import Batches
from cfd_studio.data.images import DataSet, to_float
from cfd_studio.engine.build import (
    build_data,
    build_network,
    build_objective,
    derive_seed,
    load_denoiser,
    weights_metadata,
)
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints, load_checkpoint
from cfd_studio.engine.controls import Controls, StopRequested
from cfd_studio.engine.evaluation import Jury, classifier_accuracies, judged_steps
from cfd_studio.engine.execution import choose_device, choose_threads
from cfd_studio.engine.gallery import write_strip
from cfd_studio.engine.loop import Loop
from cfd_studio.engine.objectives import Objective
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.turns import Turns
from cfd_studio.interop.weights import load_weights, save_weights
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import (
    JobEnded,
    JobStarted,
    JobState,
    StageJudged,
    StageStarted,
    StageTrained,
)
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs.folder import JobFolder, RunFolder
from cfd_studio.runs.lease import Lease

STRIP_IMAGES = 8


@dataclass
class _Workplace:
    """What all stages of a job share."""

    run: RunFolder
    config: RunConfig
    data: DataSet
    plan: ExecutionPlan
    reporter: Reporter
    controls: Controls
    turns: Turns
    lease: Lease
    jury: Jury | None = None


def run_job(run: RunFolder, request: ExecutionRequest, turns: Turns | None = None) -> JobEnded:
    """Train a run from wherever it stands to its end, or until it is asked to stop.

    Parameters
    ----------
    run : RunFolder
    request : ExecutionRequest
    turns : Turns, optional
        Shares the device with whoever samples in this process.

    Returns
    -------
    JobEnded
        What the journal says last. A job that began never raises.

    Raises
    ------
    CfdError
        Where the job could not begin: the config cannot be read, the run is being trained, the device does not exist.
    """
    config = run.config()
    device = choose_device(request.device)
    lease = Lease.acquire(run)
    try:
        previous = run.jobs()
        job = run.new_job("train")
        reporter = Reporter(job)
        try:
            try:
                ended = _work(run, config, request, device, job, previous, reporter, turns or Turns(), lease)
            except StopRequested as stop:
                ended = JobEnded(state=JobState.STOPPED, sentence=_stop_sentence(run, config, stop), exit_code=1)
                Controls(job, reporter).granted(stop.command)
            except CfdError as error:
                ended = JobEnded(state=JobState.FAILED, sentence=str(error), exit_code=error.exit_code)
            except Exception as error:
                sentence = (
                    f"An unexpected error ended the job: {type(error).__name__}: {error}. What was saved is kept."
                )
                ended = JobEnded(state=JobState.FAILED, sentence=sentence, exit_code=1, details=traceback.format_exc())
            reporter.log(ended.sentence, "error" if ended.state is JobState.FAILED else "info")
            reporter.say(ended)
            reporter.state(ended.state, ended.sentence)
        finally:
            reporter.close()
    finally:
        lease.release()
    return ended


def _work(
    run: RunFolder,
    config: RunConfig,
    request: ExecutionRequest,
    device: str,
    job: JobFolder,
    previous: list[JobFolder],
    reporter: Reporter,
    turns: Turns,
    lease: Lease,
) -> JobEnded:
    reporter.state(JobState.RUNNING)
    open_stages = [stage for stage in config.stages if not run.weights(stage.id).exists()]
    first = open_stages[0] if open_stages else None
    newest = checkpoints(run.stage(first.id))[-1:] if first else []
    step = checkpoint_step(newest[0]) if newest else 0
    reporter.say(JobStarted(job=job.number, device=device, stage=first.id if first else None, step=step))
    reporter.phase("loading")
    data = build_data(config).to(device)
    plan = _execution_plan(config, request, device, data, previous)
    torch.set_num_threads(plan.threads)
    job.write_plan(plan)
    reporter.log(
        f"{config.name}: {len(data.train):,} training and {len(data.held_out):,} held-out images, "
        f"{len(config.stages)} stages, on {plan.device} with {plan.threads} thread{'s' if plan.threads > 1 else ''}."
    )
    place = _Workplace(run, config, data, plan, reporter, Controls(job, reporter), turns, lease)
    for stage in config.stages:
        if not run.weights(stage.id).exists():
            _train_stage(place, stage)
        if run.quality(stage.id) is None:
            _judge_stage(place, stage)
    return JobEnded(state=JobState.FINISHED, sentence=f"All {len(config.stages)} stages are trained and judged.")


def _execution_plan(
    config: RunConfig, request: ExecutionRequest, device: str, data: DataSet, previous: list[JobFolder]
) -> ExecutionPlan:
    """Return the plan of the last job where it fits the request, else choose one by measuring."""
    for job in reversed(previous):
        old = job.read_plan()
        if old and old.device == device and request.threads in (0, old.threads):
            return old
    diffusion = config.diffusion_stages()
    stage: Stage = diffusion[0] if diffusion else config.stages[0]
    with torch.random.fork_rng(devices=[]):
        network = build_network(config, stage, data.train.shape, data.classes).to(device)
    images = to_float(data.train.images[: stage.optimization.batch_size])
    levels = torch.ones(len(images), dtype=torch.int64, device=images.device)

    def typical_step() -> None:
        output = network(images).logits if isinstance(stage, ClassifierStage) else network(images, levels)
        output.square().mean().backward()

    return ExecutionPlan(device=device, threads=choose_threads(request, device, typical_step))


def _train_stage(place: _Workplace, stage: Stage) -> None:
    run, config, reporter, device = place.run, place.config, place.reporter, place.plan.device
    reporter.phase("loading", stage.id)
    place.controls.poll()
    saved = checkpoints(run.stage(stage.id))
    state, objective = _prepare(place, stage)
    if saved:
        state.restore(load_checkpoint(saved[-1], device))
        reporter.log(f"Stage '{stage.id}' goes on from step {state.step:,}.")
    reporter.say(StageStarted(stage=stage.id, step=state.step, total_steps=stage.optimization.steps))
    reporter.phase("training", stage.id)
    Loop(
        run=run,
        stage=stage,
        data=place.data,
        state=state,
        objective=objective,
        reporter=reporter,
        controls=place.controls,
        turns=place.turns,
        lease=place.lease,
        journal=config.journal,
        held_out_seed=derive_seed(config.seed, stage.id, "held-out"),
    ).train()
    place.lease.check()
    metadata = weights_metadata(stage, place.data.train.shape, place.data.classes)
    save_weights(run.weights(stage.id), state.sampling_network, metadata)
    reporter.say(StageTrained(stage=stage.id, step=state.step, seconds=state.seconds))
    reporter.log(f"Stage '{stage.id}' is trained: {state.step:,} steps in {state.seconds:.1f} s.")


def _prepare(place: _Workplace, stage: Stage) -> tuple[TrainingState, Objective]:
    """Return the state before the first step: a student starts from the weights its parent samples with."""
    config, device = place.config, place.plan.device
    torch.manual_seed(derive_seed(config.seed, stage.id, "weights"))
    network = build_network(config, stage, place.data.train.shape, place.data.classes).to(device)
    if stage.parent is not None:
        tensors, _ = load_weights(place.run.weights(stage.parent), device)
        network.load_state_dict(tensors)
    network.train()
    batches = Batches(
        len(place.data.train), stage.optimization.batch_size, derive_seed(config.seed, stage.id, "batches")
    )
    state = TrainingState.fresh(network, stage.optimization, batches, derive_seed(config.seed, stage.id, "noise"))
    return state, build_objective(place.run, config, stage, device)


def _judge_stage(place: _Workplace, stage: Stage) -> None:
    """Measure a trained stage, draw its strip, and keep the figures."""
    run, config, reporter, device = place.run, place.config, place.reporter, place.plan.device
    reporter.phase("evaluating", stage.id)
    accuracies = classifier_accuracies(run, config, place.data.held_out, device)
    quality = StageQuality(stage=stage.id, accuracies=accuracies)
    if isinstance(stage, ClassifierStage):
        reporter.log(f"Classifier '{stage.id}' names {accuracies[stage.id]:.1%} of the held-out images rightly.")
    else:
        place.jury = place.jury or Jury(run, config, place.data, device)
        denoiser = load_denoiser(run, config, stage.id, device)
        own_steps = config.own_steps(stage)
        judgements = []
        for steps in judged_steps(config, own_steps):
            judgement, images = place.jury.judge(
                stage.id, denoiser, own_steps, steps, turn=place.turns, on_call=place.controls.poll
            )
            judgements.append(judgement)
            if steps == own_steps:
                strip = run.stage(stage.id) / "samples" / f"step-{stage.optimization.steps:08d}.png"
                write_strip(strip, images[:STRIP_IMAGES], STRIP_IMAGES)
        quality = StageQuality(
            stage=stage.id, judgements=tuple(judgements), floor=place.jury.floor(), accuracies=accuracies
        )
        own = judgements[0]
        distances = ", ".join(
            f"{figure.value:.3g} in {figure.space}" for figure in own.figures if figure.reference == "held-out"
        )
        reporter.log(f"Model '{stage.id}' with {own.sampling_steps} steps: Frechet distance {distances}.")
    place.lease.check()
    run.write_quality(quality)
    reporter.say(StageJudged(quality=quality))


def _stop_sentence(run: RunFolder, config: RunConfig, stop: StopRequested) -> str:
    for stage in config.stages:
        if not run.weights(stage.id).exists():
            saved = checkpoints(run.stage(stage.id))
            at = (
                f"step {checkpoint_step(saved[-1]):,} of stage '{stage.id}'"
                if saved
                else f"the start of stage '{stage.id}'"
            )
            return f"Stopped{' and saved' if stop.keep and saved else ''}; the run goes on from {at}."
    return "Stopped; the weights of all stages are saved."
