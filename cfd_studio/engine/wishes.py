"""What is wished to be measured, spelled out for one run: its config as wished for, and every model's ways."""

from typing import Any

from pydantic import ValidationError

from cfd_studio.engine.evaluation import Way, judged_steps
from cfd_studio.protocol.config import EvaluationConfig, RunConfig
from cfd_studio.protocol.errors import CfdError, ConfigError
from cfd_studio.protocol.readable import readable
from cfd_studio.protocol.stages import DiffusionStage
from cfd_studio.protocol.tree import tree_problems
from cfd_studio.protocol.wishes import Wishes
from cfd_studio.runs.folder import RunFolder

Ways = list[Way]


def wished_config(wishes: Wishes, run: RunFolder) -> RunConfig:
    """Return the config of a run with what is wished for in its place.

    Raises
    ------
    CfdError
        Where it cannot be so.
    """
    config = run.config()
    raw: dict[str, Any] = config.evaluation.model_dump()
    raw["inception"] |= wishes.inception
    if wishes.samples is not None:
        raw["samples"] = wishes.samples
    try:
        evaluation = EvaluationConfig.model_validate(raw)
    except ValidationError as error:
        problem = readable(error, raw, EvaluationConfig, {})[0]
        raise CfdError(problem.message, where=f"evaluation.{problem.path}") from None
    for sampler in wishes.samplers or (evaluation.sampler,):
        wished = config.model_copy(update={"evaluation": evaluation.model_copy(update={"sampler": sampler})})
        if problems := [one for one in tree_problems(wished) if one.path.startswith("evaluation.")]:
            raise ConfigError(problems, source=str(run.path))
    return config.model_copy(update={"evaluation": evaluation})


def wished_ways(wishes: Wishes, run: RunFolder, config: RunConfig) -> list[tuple[DiffusionStage, Ways]]:
    """Return the models of a run that are to be measured, in the order of its stages, each with all its ways.

    Raises
    ------
    CfdError
        Where there is none, or one has no such name.
    """
    known = {stage.id: stage for stage in config.diffusion_stages()}
    for name in wishes.stages:
        if name not in known:
            raise CfdError(f"the run has no model '{name}'", where=str(run.path), advice=f"It has {', '.join(known)}.")
    trained = [stage for name, stage in known.items() if run.weights(name).exists()]
    if not trained:
        raise CfdError("no model is trained yet", where=str(run.path), advice="Resume the run first.")
    chosen = [(stage, _ways(wishes, config, stage)) for stage in trained if stage.id in (wishes.stages or known)]
    if not any(ways for _, ways in chosen):
        why = (
            f"can draw with {' or '.join(map(str, wishes.steps))} steps" if wishes.steps else "of these is trained yet"
        )
        raise CfdError(f"no model {why}", where=str(run.path), advice="Ask for fewer steps, or other models.")
    return [(stage, ways) for stage, ways in chosen if ways]


def _ways(wishes: Wishes, config: RunConfig, stage: DiffusionStage) -> Ways:
    own = config.own_steps(stage)
    samplers = wishes.samplers or (config.evaluation.sampler,)
    top = min(own, config.evaluation.most_steps)
    if wishes.own and stage.parent is not None:
        return [(top, config.sampler_for(stage, samplers[0]))]
    if wishes.steps:
        counts = sorted({steps for steps in wishes.steps if steps <= own}, reverse=True)
    else:
        counts = [top] if wishes.own else judged_steps(config, own, every_halving=True)
    samplers = tuple(dict.fromkeys(config.sampler_for(stage, sampler) for sampler in samplers))
    return [(steps, sampler) for sampler in samplers for steps in counts]
