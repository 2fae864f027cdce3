"""A stage made ready to train, at its start or where a checkpoint left it; the same on every rank."""

from torch import nn

from cfd_studio.data.images import DataSet
from cfd_studio.engine.beginning import begin
from cfd_studio.engine.checkpoint import checkpoint_folder, load_checkpoint, way_out
from cfd_studio.engine.loading import load_network
from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.stages import ClassifierStage, Stage
from cfd_studio.runs.folder import RunFolder


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
    passes: Passes | None = None,
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
    passes : Passes, optional
        Of the plan; all stages of a job share theirs.

    Raises
    ------
    CfdError
        Where the checkpoint or a parent's weights are damaged or of another stage, or a batch is too small to share.
    """

    def trained(stage_id: str) -> nn.Module:
        return load_network(run, config, stage_id, plan.device)

    trainer = begin(config, stage, data, plan, ranks, trained, passes or Passes.of(plan))
    if step:
        _restore(trainer.state, run, stage, step, plan.device)
    return trainer


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
