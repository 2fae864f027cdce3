"""What the ranks beside the first do: their share of every batch, until they are released."""

import logging

import torch

from cfd_studio.engine.data_checks import check_key
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.passes import Passes
from cfd_studio.engine.prepare import prepare, ranks_of
from cfd_studio.engine.ranks import Ranks, Word
from cfd_studio.engine.warm_up import warm_up
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.runs.folder import RunFolder

_LOG = logging.getLogger(__name__)


def assist(run: RunFolder, device: str, ranks: Ranks) -> None:
    """Follow rank 0 of a job through all stages. Nothing is written, and rank 0 alone says how the job ended.

    Parameters
    ----------
    run : RunFolder
    device : str
        Of this rank.
    ranks : Ranks
        All but the first call this.
    """
    config = run.config()
    if ranks.say(Word.GO) == Word.STOP:  # by now the first has fetched and decoded the images
        return
    data = load_data(config.data, ranks.tell())
    if ranks.say(Word.GO) == Word.STOP:
        return
    plan = ExecutionPlan.model_validate_json(ranks.tell()).model_copy(update={"device": device})
    check_key(data, [plan.data_key])
    data = data.to(device, training=plan.fast.data_on_device)
    torch.set_num_threads(plan.threads)
    passes = Passes.of(plan)
    for stage in config.stages:
        if ranks_of(stage, ranks).size == 1:
            continue
        match ranks.say(Word.GO):
            case Word.SKIP:
                continue
            case Word.STOP:
                return
        trainer = prepare(run, config, stage, data, plan, ranks, ranks.say(0), passes)
        warm_up(trainer, _LOG.warning)
        while trainer.state.step < stage.steps:
            if ranks.say(Word.GO) == Word.STOP:
                return
            trainer.step()
    ranks.say(Word.STOP)
