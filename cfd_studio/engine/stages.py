"""What happens to one stage: it is trained, then judged."""

from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from cfd_studio.data.images import DataSet, to_float
from cfd_studio.engine.audience import Audience
from cfd_studio.engine.build import derive_seed
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints
from cfd_studio.engine.controls import Controls
from cfd_studio.engine.evaluation import classifier_accuracies, judge_model, judged_steps
from cfd_studio.engine.gallery import write_strip
from cfd_studio.engine.inception import load_inception
from cfd_studio.engine.jury import PREVIEW, Jury, can_judge
from cfd_studio.engine.loading import weights_metadata
from cfd_studio.engine.loop import Loop
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.prepare import prepare, ranks_of
from cfd_studio.engine.ranks import Ranks, Word
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.saving import Saver, worth_a_thread
from cfd_studio.engine.storage import Storage
from cfd_studio.engine.strips import Strips, strip_path
from cfd_studio.engine.turns import Turns
from cfd_studio.engine.warm_up import warm_up
from cfd_studio.interop.weights import save_weights
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import StageJudged, StageStarted, StageTrained
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs.folder import RunFolder


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

    def __post_init__(self) -> None:
        self.passes = Passes.of(self.plan)

    def warn(self, sentence: str) -> None:
        """Say something that the person should know, though the job goes on."""
        self.reporter.log(sentence, "warning")


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
        trainer = prepare(run, config, stage, place.data, place.plan, ranks, step, place.passes)
    state = trainer.state
    if saved:
        reporter.log(f"Stage '{stage.id}' goes on from step {state.step:,}.")
    reporter.say(StageStarted(stage=stage.id, step=state.step, total_steps=stage.steps))
    if trainer.passes.compiler.mode != "off":
        reporter.phase("compiling", stage.id)
        with place.turns:
            warm_up(trainer, place.warn)
        place.controls.poll()  # nobody could be heard meanwhile
    reporter.phase("training", stage.id)
    seed = derive_seed(config.seed, stage.id, "held-out")
    strips = Strips.of(run, config, stage, place.data, place.plan.device)
    behind = place.plan.fast.background_saving and worth_a_thread(state.network)
    saver = Saver(run.stage(stage.id), stage.id, place.storage, reporter, config.journal.keep_checkpoints, behind)
    controls, turns, storage = place.controls, place.turns, place.storage
    with closing(trainer):
        Loop(run, trainer, reporter, controls, turns, storage, saver, config.journal, seed, strips).train()
    reporter.phase("saving", stage.id)
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


def check_weights_of_judges(place: Workplace) -> None:
    """Make sure that Inception can judge, where it will have to: after days of training is late to be told.

    Raises
    ------
    StopRequested
        Where the job is asked to stop.
    CfdError
        Where its weights cannot be had.
    """
    waiting = [stage.id for stage in place.config.diffusion_stages() if place.run.quality(stage.id) is None]
    if place.config.evaluation.inception and waiting:
        place.reporter.log("Looking for the weights of Inception-v3, which is to judge.")
        load_inception(place.plan.inception_file, "cpu", Audience(poll=place.controls.poll))


def judge_stage(place: Workplace, stage: Stage) -> None:
    """Measure a trained stage, draw its strip, and keep the figures.

    Raises
    ------
    StopRequested
        Where the job is asked to stop; what was drawn is taken up by the next one.
    CfdError
        Where weights are damaged, or Inception's cannot be had.
    """
    run, config, reporter, device = place.run, place.config, place.reporter, place.plan.device
    reporter.phase("evaluating", stage.id)
    audience = Audience(place.turns, place.controls.poll, partial(reporter.count, unit="images"))
    accuracies = classifier_accuracies(run, config, place.data.held_out, device, audience)
    quality = StageQuality(stage=stage.id, accuracies=accuracies)
    if isinstance(stage, ClassifierStage):
        if stage.id in accuracies:
            reporter.log(f"Classifier '{stage.id}' names {accuracies[stage.id]:.1%} of the held-out images rightly.")
    elif not can_judge(place.data):
        reporter.log(f"Model '{stage.id}' is not judged: the run has too few images to compare with.")
    else:
        inception_file = place.plan.inception_file
        place.jury = place.jury or Jury(
            run,
            config,
            place.data,
            device,
            inception_file=inception_file,
            rounding_on_device=place.plan.fast.rounding_on_device,
            audience=audience,
        )
        wanted = [(steps, config.evaluation.sampler) for steps in judged_steps(config, config.own_steps(stage))]
        quality, images = judge_model(place.jury, run, config, stage, place.passes.eager(), wanted, audience)
        quality = quality.model_copy(update={"accuracies": accuracies})
        strip = strip_path(run, stage.id, stage.steps)
        place.storage.keep(f"the strip of stage '{stage.id}'", lambda: write_strip(strip, to_float(images), PREVIEW))
        reporter.log(_summary(quality))
    place.storage.keep(f"the quality of stage '{stage.id}'", lambda: run.write_quality(quality))
    if place.jury is not None:
        place.jury.forget()
    reporter.say(StageJudged(quality=quality))


def _summary(quality: StageQuality) -> str:
    """Return how good a model is, in a sentence."""
    own = quality.judgements[0]
    distances = ", ".join(
        f"{figure.value:.3g} in {figure.space}"
        for figure in own.figures
        if (figure.metric, figure.reference) == ("frechet", "held-out")
    )
    noun = "step" if own.sampling_steps == 1 else "steps"
    return f"Model '{quality.stage}' with {own.sampling_steps} {noun}: Fréchet distance {distances}."
