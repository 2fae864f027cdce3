"""One job: take the run, go on where it stands, train and judge every stage, give the run back."""

from collections.abc import Callable

import torch

from cfd_studio.data.images import DataSet
from cfd_studio.engine import mishaps
from cfd_studio.engine.adoption import adopt_stage
from cfd_studio.engine.build import build_network
from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints
from cfd_studio.engine.compiler import compiling
from cfd_studio.engine.controls import Controls, StopRequested
from cfd_studio.engine.data_checks import check_classes, check_key, left_out
from cfd_studio.engine.datasets import absolute, load_data
from cfd_studio.engine.defaults import Choice, check_precision, choose_paths
from cfd_studio.engine.execution import choose_device, choose_threads
from cfd_studio.engine.fetching import fetch_sources
from cfd_studio.engine.memory import keep_freed_memory
from cfd_studio.engine.meters import Machine
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.prepare import ranks_of
from cfd_studio.engine.ranks import Ranks, Word
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.stages import Workplace, check_weights_of_judges, judge_stage, train_stage
from cfd_studio.engine.storage import Storage
from cfd_studio.engine.turns import Turns
from cfd_studio.engine.watching import watched
from cfd_studio.interop.tensorboard import TensorBoardListener
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import (
    JobEnded,
    JobStarted,
    JobState,
    StageJudged,
)
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.protocol.wording import plan_words
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.lease import Lease


def run_job(
    run: RunFolder, request: ExecutionRequest, turns: Turns | None = None, ranks: Ranks | None = None
) -> JobEnded:
    """Train a run from wherever it stands to its end, or until it is asked to stop.

    Parameters
    ----------
    run : RunFolder
    request : ExecutionRequest
    turns : Turns, optional
        Shares the device with whoever samples in this process.
    ranks : Ranks, optional
        Of which this is the first; the others call `cfd_studio.engine.assistant.assist`.

    Returns
    -------
    JobEnded
        What the journal says last; whatever ends a job while it works is said there and not raised.

    Raises
    ------
    CfdError
        Where the job could not begin: the config cannot be read, the run is being trained, the device does not
        exist, or cannot compute with the precision.
    """
    ranks = ranks or Ranks()
    try:
        with compiling():
            return _hold(run, request, turns or Turns(), ranks)
    finally:
        mishaps.release_device_memory()
        ranks.release()


def _hold(run: RunFolder, request: ExecutionRequest, turns: Turns, ranks: Ranks) -> JobEnded:
    """Take the run, work, say how it ended, and give the run back."""
    config = run.config()
    device = choose_device(request.device)
    check_precision(request.precision, device)
    keep_freed_memory()
    with mishaps.told(f"beginning a job in {run.path}", device, mishaps.OTHER_ADVICE):
        lease = Lease.acquire(run)
    try:
        with mishaps.told(f"beginning a job in {run.path}", device, mishaps.OTHER_ADVICE):
            previous = run.jobs()
            job = run.new_job("train")
            reporter = Reporter(job, Machine(device).measure)
        try:
            controls = Controls(job, reporter)
            storage = Storage(run, lease, reporter, controls)
            try:
                ended = _work(run, config, request, device, job, previous, reporter, controls, storage, turns, ranks)
            except StopRequested as stop:
                ended = JobEnded(state=JobState.STOPPED, sentence=_stop_sentence(run, config, stop), exit_code=1)
                mishaps.forget(stop)
                storage.close()
                controls.granted(stop.command)
            except Exception as error:
                phase, stage = reporter.doing
                classifier = any(isinstance(one, ClassifierStage) and one.id == stage for one in config.stages)
                ended = mishaps.ending(error, phase, stage, device, _standing(run, config), classifier=classifier)
            # From here on nothing is raised: a disk that takes no last words must not hide what ended the job.
            storage.close()
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
    controls: Controls,
    storage: Storage,
    turns: Turns,
    ranks: Ranks,
) -> JobEnded:
    reporter.state(JobState.RUNNING)
    if config.journal.tensorboard:
        steps = {stage.id: stage.steps for stage in config.stages}
        reporter.listener = TensorBoardListener(
            run, job.path / "tensorboard", steps, lambda why: reporter.log(why, "warning")
        )
    open_stages = [stage for stage in config.stages if not run.weights(stage.id).exists()]
    first = open_stages[0] if open_stages else None
    newest = checkpoints(run.stage(first.id))[-1:] if first else []
    step = checkpoint_step(newest[0]) if newest else 0
    reporter.say(JobStarted(job=job.number, device=device, stage=first.id if first else None, step=step))
    reporter.phase("loading")
    reporter.log("Loading the images.")
    plans = [old for one in reversed(previous) if (old := one.read_plan())]
    asked = [said for one in reversed(previous) if (said := one.read_request())]
    known = [old.data_folder for old in plans] + [old.data_folder for old in asked]
    folder = absolute(request.data_folder) or next(filter(None, known), "")
    job.write_request(request.model_copy(update={"data_folder": folder}))
    data = load_data(config.data, folder, watched(reporter, controls, "the images"))
    check_key(data, [old.data_key for old in plans])
    check_classes(config, data)
    ranks.say(Word.GO)
    ranks.tell(folder)
    if reporter.doing[0] != "loading":
        reporter.phase("loading")
    plan = _execution_plan(config, request, device, data, plans, reporter, controls, turns, ranks)
    inception_file = absolute(request.inception_file) or (plans[0].inception_file if plans else "")
    plan = plan.model_copy(update={"data_folder": folder, "data_key": data.key, "inception_file": inception_file})
    data = data.to(device, training=plan.fast.data_on_device)
    torch.set_num_threads(plan.threads)
    if plans and plan_words(plans[0]) != plan_words(plan):
        reporter.log(
            f"This job uses {plan_words(plan)}, the last one {plan_words(plans[0])}: from here on the run is not "
            "bitwise the one that was begun.",
            "warning",
        )
    ranks.say(Word.GO)
    ranks.tell(plan.model_dump_json())
    reporter.log(
        f"{config.name}: {len(data.train):,} training and {len(data.held_out):,} held-out images, "
        f"{len(config.stages)} stages, on {plan_words(plan)}."
    )
    if data.unreadable:
        reporter.log(left_out(data), "warning")
    place = Workplace(run, config, data, plan, reporter, controls, turns, storage, ranks)
    check_weights_of_judges(place)
    fetch_sources(place)
    job.write_plan(plan)
    for stage in config.stages:
        trained, adopts = run.weights(stage.id).exists(), stage.optimization is None
        if trained or adopts:
            ranks_of(stage, ranks).say(Word.SKIP)
        if not trained:
            (adopt_stage if adopts else train_stage)(place, stage)
        if (quality := run.quality(stage.id)) is None:
            judge_stage(place, stage)
        else:  # said again: the job that measured it may have been killed before it could
            reporter.say(StageJudged(quality=quality))
    return JobEnded(state=JobState.FINISHED, sentence=f"All {len(config.stages)} stages are trained and judged.")


def _execution_plan(
    config: RunConfig,
    request: ExecutionRequest,
    device: str,
    data: DataSet,
    plans: list[ExecutionPlan],
    reporter: Reporter,
    controls: Controls,
    turns: Turns,
    ranks: Ranks,
) -> ExecutionPlan:
    """Return the newest plan of earlier jobs that fits the request, else choose one, by measuring if need be."""
    parts = request.accumulation or (plans[0].accumulation if plans else 1)
    kind = torch.device(device).type
    last = next((old for old in plans if torch.device(old.device).type == kind), None)
    chosen = choose_paths(request, config, data.train.shape, data.classes, device, last)
    asked = {"device": device, "processes": ranks.size, "accumulation": parts, **chosen._asdict()}
    wanted = asked.pop("threads")
    for old in plans:
        if old == old.model_copy(update=asked) and request.threads in (0, old.threads):
            return old

    def typical() -> Callable[[], None]:
        reporter.log("Measuring how many threads are fastest.")
        return _typical_step(config, device, data, chosen, ranks.size * parts, turns)

    threads = choose_threads(wanted, device, typical, sharers=ranks.size, poll=controls.poll)
    return ExecutionPlan(threads=threads, **asked)


def _typical_step(
    config: RunConfig, device: str, data: DataSet, chosen: Choice, parts: int, turns: Turns
) -> Callable[[], None]:
    """Return a pass through the network that most of the job is about; without a backward one if it is only judged."""
    stages: list[Stage] = [*config.diffusion_stages(), *config.stages]
    stage = next((one for one in stages if one.optimization), stages[0])
    with turns, torch.random.fork_rng(devices=[]):
        network = build_network(config, stage, data.train.shape, data.classes).to(device).eval()
    passes = Passes(device, chosen.precision, chosen.fast).eager()
    passes.arrange(network)
    called = passes.trained(network)
    trained = stage.optimization is not None
    batch = stage.optimization.batch_size if stage.optimization else min(16, config.evaluation.batch_size)
    images = torch.zeros(-(-batch // parts), *data.train.shape, device=device)  # what is computed at once
    levels = torch.ones(len(images), dtype=torch.int64, device=images.device)

    def step() -> None:
        with turns, torch.set_grad_enabled(trained):
            output = called(images).logits if isinstance(stage, ClassifierStage) else called(images, levels)
            if trained:
                output.float().square().mean().backward()

    return step


def _stop_sentence(run: RunFolder, config: RunConfig, stop: StopRequested) -> str:
    if stop.unsaved:
        return f"Stopped without saving, for {stop.unsaved}; {_standing(run, config)}."
    standing = _standing(run, config)
    return f"Stopped{' and saved' if stop.keep and 'from step' in standing else ''}; {standing}."


def _standing(run: RunFolder, config: RunConfig) -> str:
    """Return where the run goes on from, as the end of a sentence."""
    try:
        for stage in config.stages:
            if not run.weights(stage.id).exists():
                saved = checkpoints(run.stage(stage.id))
                at = f"step {checkpoint_step(saved[-1]):,}" if saved else "the start"
                return f"the run goes on from {at} of stage '{stage.id}'"
    except OSError:
        return "what was saved is kept"
    return "the weights of all stages are saved"
