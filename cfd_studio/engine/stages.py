"""What happens to one stage: it is trained, then judged."""

from dataclasses import dataclass, field
from functools import partial

from cfd_studio.data.images import DataSet
from cfd_studio.engine.build import derive_seed, load_denoiser, weights_metadata
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints
from cfd_studio.engine.controls import Controls
from cfd_studio.engine.evaluation import Jury, classifier_accuracies, judged_steps
from cfd_studio.engine.gallery import write_strip
from cfd_studio.engine.loop import Loop
from cfd_studio.engine.prepare import prepare, ranks_of
from cfd_studio.engine.ranks import Ranks, Word
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.storage import Storage
from cfd_studio.engine.turns import Turns
from cfd_studio.interop.weights import save_weights
from cfd_studio.protocol.config import RunConfig
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
    ranks: Ranks = field(default_factory=Ranks)
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
    run, config, reporter = place.run, place.config, place.reporter
    reporter.phase("loading", stage.id)
    place.controls.poll()
    saved = checkpoints(run.stage(stage.id))
    step = checkpoint_step(saved[-1]) if saved else 0
    ranks = ranks_of(stage, place.ranks)
    ranks.say(Word.GO)
    ranks.say(step)
    with place.turns, ranks.together():
        trainer = prepare(run, config, stage, place.data, place.plan, ranks, step)
    state = trainer.state
    if saved:
        reporter.log(f"Stage '{stage.id}' goes on from step {state.step:,}.")
    reporter.say(StageStarted(stage=stage.id, step=state.step, total_steps=stage.steps))
    reporter.phase("training", stage.id)
    seed = derive_seed(config.seed, stage.id, "held-out")
    Loop(run, trainer, reporter, place.controls, place.turns, place.storage, config.journal, seed).train()
    metadata = weights_metadata(stage, place.data.train.shape, place.data.classes)
    place.storage.keep(
        f"the weights of stage '{stage.id}'",
        lambda: save_weights(run.weights(stage.id), state.kept_network, metadata),
    )
    reporter.say(StageTrained(stage=stage.id, step=state.step, seconds=state.seconds))
    reporter.log(f"Stage '{stage.id}' is trained: {state.step:,} steps in {state.seconds:.1f} s.")
    if best := state.best:
        reporter.log(
            f"Stage '{stage.id}' keeps the weights of step {best.step:,}, which name {best.accuracy:.1%} of the "
            "validation images rightly."
        )


def judge_stage(place: Workplace, stage: Stage) -> None:
    """Measure a trained stage, draw its strip, and keep the figures."""
    run, config, reporter, device = place.run, place.config, place.reporter, place.plan.device
    reporter.phase("evaluating", stage.id)
    accuracies = classifier_accuracies(run, config, place.data.held_out, device)
    quality = StageQuality(stage=stage.id, accuracies=accuracies)
    if isinstance(stage, ClassifierStage):
        if stage.id in accuracies:
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
                strip = run.stage(stage.id) / "samples" / f"step-{stage.steps:08d}.png"
                place.storage.keep(
                    f"the strip of stage '{stage.id}'",
                    partial(write_strip, strip, images[:STRIP_IMAGES], STRIP_IMAGES),
                )
        quality = StageQuality(
            stage=stage.id, judgements=tuple(judgements), floor=place.jury.floor(), accuracies=accuracies
        )
        own = judgements[0]
        distances = ", ".join(
            f"{figure.value:.3g} in {figure.space}"
            for figure in own.figures
            if (figure.metric, figure.reference) == ("frechet", "held-out")
        )
        noun = "step" if own.sampling_steps == 1 else "steps"
        reporter.log(f"Model '{stage.id}' with {own.sampling_steps} {noun}: Fréchet distance {distances}.")
    place.storage.keep(f"the quality of stage '{stage.id}'", lambda: run.write_quality(quality))
    reporter.say(StageJudged(quality=quality))
