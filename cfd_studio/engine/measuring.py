"""Measuring what is trained: for the command line, and as a job that keeps the figures in the run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from cfd_studio.engine.audience import ALONE, Audience
from cfd_studio.engine.datasets import load_run_data
from cfd_studio.engine.defaults import usual_passes
from cfd_studio.engine.evaluation import classifier_accuracies, judge_model
from cfd_studio.engine.jury import Jury, can_judge
from cfd_studio.engine.memory import keep_freed_memory
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.samples import Samples
from cfd_studio.engine.turns import Turns
from cfd_studio.engine.wishes import Ways, wished_config, wished_ways
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobEnded, JobStarted, JobState, StageJudged
from cfd_studio.protocol.fast_paths import AskedPrecision
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.stages import DiffusionStage
from cfd_studio.protocol.wishes import Wishes
from cfd_studio.runs.folder import EVALUATE, RunFolder

Wanted = Sequence[tuple[DiffusionStage, Ways]]
_ENDED_EARLY = "It ended early; what was measured before that is kept."


def measured(
    run: RunFolder,
    config: RunConfig,
    wanted: Wanted,
    device: str,
    *,
    drawn: list[Samples],
    data_folder: str = "",
    inception_file: str = "",
    precision: AskedPrecision = "auto",
    looking: Audience = ALONE,
    drawing: Audience = ALONE,
) -> Iterator[StageQuality]:
    """Yield the quality of one model after the other.

    Parameters
    ----------
    run : RunFolder
    config : RunConfig
        Of the run, with what is wished for in its place.
    wanted : sequence of (DiffusionStage, ways)
    device : str
    drawn : list of Samples
        Takes those of which the figures are there: to be forgotten once the figures are kept.
    data_folder, inception_file : str, optional
        By default as the last job of the run had them.
    precision : {"auto", "float32", "tf32", "bfloat16"}, optional
        With which the models are drawn from; what judges computes as ever.
    looking, drawing : Audience, optional
        Of whoever looks at the real images, and of whoever judges the models in their order.

    Raises
    ------
    CfdError
        Where images or weights are missing, damaged or too few, or the device has no such precision.
    """
    keep_freed_memory()
    plans = [plan for job in reversed(run.jobs()) if (plan := job.read_plan())]
    file = inception_file or next((plan.inception_file for plan in plans), "")
    data = load_run_data(run, config, data_folder).to(device)
    if not can_judge(data):
        raise CfdError(
            "there are too few real images to compare with",
            where=str(run.path),
            advice="Import the checkpoint with --data-set." if config.data.name == "none" else "Judge another run.",
        )
    passes = usual_passes(config, data.train.shape, data.classes, device, precision)
    jury = Jury(run, config, data, device, inception_file=file, audience=looking)
    try:
        accuracies = classifier_accuracies(run, config, data.held_out, device, looking)
        for model, ways in wanted:
            quality, _ = judge_model(jury, run, config, model, passes, ways, drawing)
            yield quality.model_copy(update={"accuracies": accuracies})
    finally:  # of the jury nothing else is kept: it holds what the real images are in every space, and Inception
        drawn += jury.drawn


def evaluate_run(run: RunFolder, wishes: Wishes, device: str, *, turns: Turns, poll: Callable[[], None]) -> str:
    """Measure what is wished for, keep each model's figures in the run as soon as they are there, and say how many.

    It needs no lease: it writes into a folder of its own, whether or not the run is being trained.

    Parameters
    ----------
    run : RunFolder
    wishes : Wishes
    device : str
    turns : Turns
        Shared with whoever works on the device.
    poll : callable
        Called between pieces of work; may raise to end early. What was drawn is taken up by the next evaluation.

    Raises
    ------
    CfdError
        As `measured`, and where the run cannot be written.
    """
    config = wished_config(wishes, run)
    wanted = wished_ways(wishes, run, config)
    drawn: list[Samples] = []
    count = 0
    with kept(run, device) as reporter:
        looking = Audience(turns, poll, partial(reporter.count, unit="real images"))
        drawing = Audience(turns, poll, _Counted(reporter, config.evaluation.samples, wanted))
        reporter.phase("loading")
        for quality in measured(run, config, wanted, device, drawn=drawn, looking=looking, drawing=drawing):
            keep(reporter, run, quality)
            count += len(quality.judgements)
    for one in drawn:
        one.forget()
    models = f"{len(wanted)} model{'s' if len(wanted) > 1 else ''}"
    return f"{models} of “{config.name}” measured in {count} way{'s' if count > 1 else ''}."


@contextmanager
def kept(run: RunFolder, device: str) -> Iterator[Reporter]:
    """Open a job that measures; yield what keeps its figures.

    Raises
    ------
    CfdError
        Where the run cannot be written.
    """
    job = run.new_job(EVALUATE)
    reporter = Reporter(job)
    ended = JobEnded(state=JobState.STOPPED, sentence=_ENDED_EARLY, exit_code=1)
    try:
        reporter.state(JobState.RUNNING)
        reporter.say(JobStarted(job=job.number, device=device))
        yield reporter
        ended = JobEnded(state=JobState.FINISHED, sentence="All that was wished for is measured.")
    except CfdError as error:
        ended = JobEnded(state=JobState.FAILED, sentence=str(error), exit_code=1)
        raise
    finally:
        reporter.say(ended)
        reporter.state(ended.state, ended.sentence)
        reporter.close()


def keep(reporter: Reporter, run: RunFolder, quality: StageQuality) -> None:
    """Write the figures of a model into the run.

    Raises
    ------
    CfdError
        Where the disk does not take them.
    """
    reporter.say(StageJudged(quality=quality))
    if reporter.unheard:
        raise CfdError("the figures cannot be written", where=str(run.path), advice="Make room on the disk.")


class _Counted:
    """How many images are drawn, over all ways of all models."""

    def __init__(self, reporter: Reporter, samples: int, wanted: Wanted) -> None:
        self._reporter = reporter
        self._total = samples * sum(len(ways) for _, ways in wanted)
        self._stages = iter([stage.id for stage, ways in wanted for _ in ways])
        self._stage: str | None = None
        self._before = 0

    def __call__(self, done: int, total: int) -> None:
        if self._stage is None:
            self._stage = next(self._stages)
            if self._reporter.doing != ("evaluating", self._stage):
                self._reporter.phase("evaluating", self._stage)
        self._reporter.count(self._before + done, self._total, "images")
        if done == total:
            self._before, self._stage = self._before + total, None
