"""A stage made ready to train, at its start or where a checkpoint left it; the same on every rank."""

import logging

import torch

from cfd_studio.data.batches import Batches
from cfd_studio.data.images import DataSet
from cfd_studio.engine.best import Best
from cfd_studio.engine.build import build_network, derive_seed
from cfd_studio.engine.checkpoint import checkpoint_folder, load_checkpoint, way_out
from cfd_studio.engine.classifiers import fit_input, split_for_validation
from cfd_studio.engine.loading import load_network, load_objective
from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.engine.passes import Passes, Tell
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs.folder import RunFolder

_LOG = logging.getLogger(__name__)


def ranks_of(stage: Stage, ranks: Ranks) -> Ranks:
    """Return who trains a stage.

    Rank 0 alone trains classifiers, and in one part: they are small beside everything else, and what batch
    normalisation makes of an image depends on the whole batch.
    """
    return Ranks() if isinstance(stage, ClassifierStage) else ranks


def prepare(
    run: RunFolder,
    config: RunConfig,
    stage: Stage,
    data: DataSet,
    plan: ExecutionPlan,
    ranks: Ranks,
    step: int,
    tell: Tell = _LOG.warning,
) -> Trainer:
    """Return a stage ready to do the optimizer step after ``step``.

    Parameters
    ----------
    run : RunFolder
        Holds the weights of the parent, and a checkpoint of that step unless it is 0.
    config, stage
    data : DataSet
        On the device of the plan.
    plan : ExecutionPlan
    ranks : Ranks
        As `ranks_of` returned it.
    step : int
    tell : callable, optional
        Told where a fast path of the plan could not be taken.

    Raises
    ------
    CfdError
        Where the checkpoint or a parent's weights are damaged or of another stage, or a batch is too small to share.
    """
    optimization = stage.optimization
    assert optimization is not None, "a stage with a source is not trained"
    if optimization.batch_size < ranks.size:
        raise CfdError(
            f"a batch of {optimization.batch_size} cannot be shared by {ranks.size} processes",
            where=f"stage '{stage.id}'",
            advice=f"Use at most {optimization.batch_size}.",
        )
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn on the CPU
        torch.manual_seed(derive_seed(config.seed, stage.id, "weights"))
        network = build_network(config, stage, data.train.shape, data.classes).to(plan.device)
    if stage.parent is not None:
        network.load_state_dict(load_network(run, config, stage.parent, plan.device).state_dict())
    passes = Passes.of(plan, tell)
    passes.arrange(network)
    network.train()
    validates = isinstance(stage, ClassifierStage) and stage.validation_share > 0
    rows = None
    if isinstance(stage, ClassifierStage):
        seed = derive_seed(config.seed, stage.id, "validation")
        data, rows = split_for_validation(data, stage.validation_share, seed)
        fit_input(network, stage, data.train, rows)
    count = len(data.train if rows is None else rows)
    batches = Batches(count, optimization.batch_size, derive_seed(config.seed, stage.id, "batches"), rows)
    noise_seed = derive_seed(config.seed, stage.id, "noise")
    state = TrainingState.fresh(network, optimization, batches, noise_seed, ranks.rank, plan.fast)
    if isinstance(stage, ClassifierStage) and stage.keep == "best":
        state.best = Best(state.sampling_network)
    if step:
        _restore(state, run, stage, step, plan.device)
    objective = load_objective(run, config, stage, plan.device, passes)
    parts = 1 if isinstance(stage, ClassifierStage) else plan.accumulation
    every = config.journal.gradient_norms_every
    return Trainer(stage, optimization, data, state, objective, ranks, parts, every, passes, validates)


def _restore(state: TrainingState, run: RunFolder, stage: Stage, step: int, device: str) -> None:
    checkpoint = checkpoint_folder(run.stage(stage.id), step)
    captured = load_checkpoint(checkpoint, device)
    try:
        state.restore(captured)
        if state.step != step:
            raise ValueError("it is of another step")
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        if out_of_memory(error):
            raise
        raise CfdError(
            "the checkpoint belongs to another stage or version",
            where=str(checkpoint / "state.pt"),
            advice=way_out(checkpoint),
        ) from None
