"""A stage before its first step, wherever the networks come from that it learns from."""

import torch

from cfd_studio.data.batches import Batches
from cfd_studio.data.images import DataSet
from cfd_studio.engine.best import Best
from cfd_studio.engine.build import Trained, build_network, build_objective, derive_seed
from cfd_studio.engine.classifiers import fit_input, split_for_validation
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.stages import ClassifierStage, Stage, TeacherStage


def begin(
    config: RunConfig,
    stage: Stage,
    data: DataSet,
    plan: ExecutionPlan,
    ranks: Ranks,
    trained: Trained,
    passes: Passes,
) -> Trainer:
    """Return a stage ready to do its first optimizer step.

    Parameters
    ----------
    config, stage
    data : DataSet
        On the device of the plan.
    plan : ExecutionPlan
    ranks : Ranks
        As `cfd_studio.engine.prepare.ranks_of` returns it.
    trained : callable
        Returns the network of an earlier stage, by its id; a new one at every call.
    passes : Passes
        Of the plan.

    Raises
    ------
    CfdError
        Where a batch is too small to share.
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
        network.load_state_dict(trained(stage.parent).state_dict())
    if isinstance(stage, ClassifierStage):
        passes = passes.of_classifiers()
    elif not isinstance(stage, TeacherStage):
        passes = passes.of_students(plan.distillation_precision)
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
    objective = build_objective(config, stage, plan.device, trained, passes)
    parts = 1 if isinstance(stage, ClassifierStage) else plan.accumulation
    every = config.journal.gradient_norms_every
    return Trainer(stage, optimization, data, state, objective, ranks, parts, every, passes, validates)
