"""What happens to one stage: it is trained, then judged."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from cfd_studio.data.batches import Batches
from cfd_studio.data.images import DataSet
from cfd_studio.engine.build import (
    build_network,
    build_objective,
    derive_seed,
    load_denoiser,
    load_network,
    weights_metadata,
)
from cfd_studio.engine.checkpoint import checkpoints, load_checkpoint, way_out
from cfd_studio.engine.controls import Controls
from cfd_studio.engine.evaluation import Jury, classifier_accuracies, judged_steps
from cfd_studio.engine.gallery import write_strip
from cfd_studio.engine.loop import Loop
from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.engine.objectives import Objective
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.storage import Storage
from cfd_studio.engine.turns import Turns
from cfd_studio.interop.weights import save_weights
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import StageJudged, StageStarted, StageTrained
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs.folder import RunFolder

STRIP_IMAGES = 8


@dataclass
class Workplace:
    """What all stages of a job share."""

    run: RunFolder
    config: RunConfig
    data: DataSet
    plan: ExecutionPlan
    reporter: Reporter
    controls: Controls
    turns: Turns
    storage: Storage
    jury: Jury | None = None


def train_stage(place: Workplace, stage: Stage) -> None:
    """Train a stage from its newest checkpoint, or from its start, and write its weights.

    Raises
    ------
    StopRequested
        Where the job is asked to stop.
    CfdError
        Where a checkpoint or a parent's weights are damaged, or a loss is not finite.
    """
    run, config, reporter, device = place.run, place.config, place.reporter, place.plan.device
    reporter.phase("loading", stage.id)
    place.controls.poll()
    saved = checkpoints(run.stage(stage.id))
    state, objective = _prepare(place, stage)
    if saved:
        _restore(state, saved[-1], device)
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
        storage=place.storage,
        journal=config.journal,
        held_out_seed=derive_seed(config.seed, stage.id, "held-out"),
    ).train()
    metadata = weights_metadata(stage, place.data.train.shape, place.data.classes)
    place.storage.keep(
        f"the weights of stage '{stage.id}'",
        lambda: save_weights(run.weights(stage.id), state.sampling_network, metadata),
    )
    reporter.say(StageTrained(stage=stage.id, step=state.step, seconds=state.seconds))
    reporter.log(f"Stage '{stage.id}' is trained: {state.step:,} steps in {state.seconds:.1f} s.")


def _prepare(place: Workplace, stage: Stage) -> tuple[TrainingState, Objective]:
    """Return the state before the first step: a student starts from the weights its parent samples with."""
    config, device = place.config, place.plan.device
    with place.turns, torch.random.fork_rng(devices=[]):  # initial weights are drawn on the CPU
        torch.manual_seed(derive_seed(config.seed, stage.id, "weights"))
        network = build_network(config, stage, place.data.train.shape, place.data.classes).to(device)
    if stage.parent is not None:
        network.load_state_dict(load_network(place.run, config, stage.parent, device).state_dict())
    network.train()
    batches = Batches(
        len(place.data.train), stage.optimization.batch_size, derive_seed(config.seed, stage.id, "batches")
    )
    state = TrainingState.fresh(network, stage.optimization, batches, derive_seed(config.seed, stage.id, "noise"))
    return state, build_objective(place.run, config, stage, device)


def _restore(state: TrainingState, checkpoint: Path, device: str) -> None:
    captured = load_checkpoint(checkpoint, device)
    try:
        state.restore(captured)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        if out_of_memory(error):
            raise
        raise CfdError(
            "the checkpoint belongs to another stage or version",
            where=str(checkpoint / "state.pt"),
            advice=way_out(checkpoint),
        ) from None


def judge_stage(place: Workplace, stage: Stage) -> None:
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
                place.storage.keep(
                    f"the strip of stage '{stage.id}'",
                    partial(write_strip, strip, images[:STRIP_IMAGES], STRIP_IMAGES),
                )
        quality = StageQuality(
            stage=stage.id, judgements=tuple(judgements), floor=place.jury.floor(), accuracies=accuracies
        )
        own = judgements[0]
        distances = ", ".join(
            f"{figure.value:.3g} in {figure.space}" for figure in own.figures if figure.reference == "held-out"
        )
        noun = "step" if own.sampling_steps == 1 else "steps"
        reporter.log(f"Model '{stage.id}' with {own.sampling_steps} {noun}: Fréchet distance {distances}.")
    place.storage.keep(f"the quality of stage '{stage.id}'", lambda: run.write_quality(quality))
    reporter.say(StageJudged(quality=quality))
