"""What ``evaluate`` is to measure, where that is not what a run's config says."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cfd_studio.protocol.config import EvaluationConfig, RunConfig
from cfd_studio.protocol.errors import CfdError, ConfigError
from cfd_studio.protocol.readable import readable
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.protocol.stages import DiffusionStage
from cfd_studio.protocol.tree import tree_problems
from cfd_studio.runs.folder import RunFolder

Ways = list[tuple[int, Sampler]]  # each a number of sampling steps and a sampler


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which models are to be measured, and how; what is empty or None is as the run's config says.

    Attributes
    ----------
    stages : tuple of str
    steps : tuple of int
    own : bool
        Students at their own step count and with the first sampler only.
    samples : int or None
    samplers : tuple of Sampler
    inception : bool
    """

    stages: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    own: bool = False
    samples: int | None = None
    samplers: tuple[Sampler, ...] = ()
    inception: bool = False

    def applied_to(self, run: RunFolder) -> RunConfig:
        """Return the config of a run with what is wished for in its place.

        Raises
        ------
        CfdError
            Where it cannot be so.
        """
        config = run.config()
        raw: dict[str, Any] = config.evaluation.model_dump()
        raw["inception"] |= self.inception
        if self.samples is not None:
            raw["samples"] = self.samples
        try:
            evaluation = EvaluationConfig.model_validate(raw)
        except ValidationError as error:
            problem = readable(error, raw, EvaluationConfig, {})[0]
            raise CfdError(problem.message, where=f"--{problem.path}") from None
        for sampler in self.samplers or (evaluation.sampler,):
            wished = config.model_copy(update={"evaluation": evaluation.model_copy(update={"sampler": sampler})})
            if problems := [one for one in tree_problems(wished) if one.path.startswith("evaluation.")]:
                raise ConfigError(problems, source=str(run.path))
        return config.model_copy(update={"evaluation": evaluation})

    def ways(self, run: RunFolder, config: RunConfig) -> list[tuple[DiffusionStage, Ways]]:
        """Return the models of a run that are to be measured, in the order of its stages, each with all its ways.

        Raises
        ------
        CfdError
            Where there is none, or one has no such name.
        """
        known = {stage.id: stage for stage in config.diffusion_stages()}
        for name in self.stages:
            if name not in known:
                raise CfdError(
                    f"the run has no model '{name}'", where=str(run.path), advice=f"It has {', '.join(known)}."
                )
        trained = [stage for name, stage in known.items() if run.weights(name).exists()]
        if not trained:
            raise CfdError("no model is trained yet", where=str(run.path), advice="Resume the run first.")
        chosen = [(stage, self._ways(config, stage)) for stage in trained if stage.id in (self.stages or known)]
        if not any(ways for _, ways in chosen):
            why = (
                f"can draw with {' or '.join(map(str, self.steps))} steps" if self.steps else "of these is trained yet"
            )
            raise CfdError(
                f"no model {why}",
                where=str(run.path),
                advice="Ask for fewer steps, or other models.",
            )
        return [(stage, ways) for stage, ways in chosen if ways]

    def _ways(self, config: RunConfig, stage: DiffusionStage) -> Ways:
        from cfd_studio.engine.evaluation import judged_steps

        own = config.own_steps(stage)
        samplers = self.samplers or (config.evaluation.sampler,)
        top = min(own, config.evaluation.most_steps)
        if self.own and stage.parent is not None:
            return [(top, config.sampler_for(stage, samplers[0]))]
        if self.steps:
            counts = sorted({steps for steps in self.steps if steps <= own}, reverse=True)
        else:
            counts = [top] if self.own else judged_steps(config, own, every_halving=True)
        samplers = tuple(dict.fromkeys(config.sampler_for(stage, sampler) for sampler in samplers))
        return [(steps, sampler) for sampler in samplers for steps in counts]
