"""What is wrong between the fields of a config: the shape of the tree, the halving, the judge, the network."""

from collections.abc import Iterator

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import data_problems
from cfd_studio.protocol.errors import Problem
from cfd_studio.protocol.stages import (
    ClassifierStage,
    FeatureStage,
    ProgressiveStage,
    Stage,
    TeacherStage,
)


def tree_problems(config: RunConfig) -> list[Problem]:
    """Return everything that is wrong between fields."""
    problems = data_problems(config.data)
    known: dict[str, Stage] = {}
    for index, stage in enumerate(config.stages):
        if stage.id in known:
            problems.append(
                Problem(f"stages.{index}.id", f"the id '{stage.id}' is used twice; give each stage its own")
            )
        problems += _stage_problems(config, stage, known, f"stages.{stage.id}")
        known[stage.id] = stage
    problems += _judge_problems(config, known)
    if config.prediction == "eps" and any(isinstance(s, (ProgressiveStage, FeatureStage)) for s in config.stages):
        problems.append(
            Problem(
                "prediction",
                "a model that predicts eps cannot be distilled: at the last level its image is a difference of noises "
                "divided by the little signal left, which magnifies every error a thousandfold; use v or x",
            )
        )
    problems += _network_problems(config)
    problems += _sampling_problems(config)
    return problems


def _stage_problems(config: RunConfig, stage: Stage, known: dict[str, Stage], path: str) -> Iterator[Problem]:
    match stage:
        case ProgressiveStage() | FeatureStage():
            yield from _student_problems(config, stage, known, path)
        case ClassifierStage():
            yield from _source_problems(stage, path)
            yield from _classifier_problems(config, stage, path)
        case TeacherStage():
            yield from _source_problems(stage, path)
            yield from _teacher_problems(config, stage, path)
    if stage.optimization is None:
        return
    if config.data.name == "none":
        yield Problem("data.name", f"stage '{stage.id}' cannot be trained without images; name a data set")
    if stage.optimization.warmup_steps > stage.optimization.steps:
        yield Problem(f"{path}.optimization.warmup_steps", "is longer than the stage; use at most its steps")
    if stage.optimization.ema_decay is not None and stage.optimization.ema_half_life is not None:
        yield Problem(f"{path}.optimization.ema_half_life", "says what the EMA decay says already; leave one empty")


def _source_problems(stage: ClassifierStage | TeacherStage, path: str) -> Iterator[Problem]:
    if stage.source is None and stage.optimization is None:
        yield Problem(f"{path}.optimization", "is missing; say how to train the stage, or give it a source")
    if stage.source is not None and stage.optimization is not None:
        yield Problem(f"{path}.optimization", "a stage that has a source is not trained; remove one of the two")


def _classifier_problems(config: RunConfig, stage: ClassifierStage, path: str) -> Iterator[Problem]:
    small = stage.architecture in ("cnn", "mlp")
    if stage.optimization and not small and stage.optimization.batch_size < 2:
        yield Problem(f"{path}.optimization.batch_size", f"a {stage.architecture} compares images; use 2 or more")
    if small and stage.stem != "small":
        yield Problem(f"{path}.stem", f"a {stage.architecture} has no stem of ImageNet's; use small")
    if stage.architecture == "mlp" and stage.input_size:
        yield Problem(f"{path}.input_size", "an mlp takes images as they are; leave it empty")
    if stage.source is not None and stage.source.kind == "imagenet" and (small or stage.stem != "imagenet"):
        yield Problem(f"{path}.stem", "weights for ImageNet are for a resnet or densenet with stem imagenet")
    if stage.normalization in ("cifar10-reference", "imagenet") and stage.source is None and config.data.depth != 3:
        yield Problem(f"{path}.normalization", "its constants are those of colour images; use data-set or none")
    if stage.source is not None and stage.source.kind == "imagenet" and stage.normalization == "data-set":
        yield Problem(f"{path}.normalization", "weights for ImageNet were trained with their own; use imagenet")
    side = stage.input_size or config.data.side
    if stage.architecture.startswith("densenet") and stage.stem == "imagenet" and 0 < side < 29:
        yield Problem(f"{path}.input_size", "a densenet with stem imagenet needs images of 29 pixels or more; use 224")
    if stage.keep == "best" and not stage.validation_share:
        yield Problem(f"{path}.validation_share", "the best epoch is found on validation images; give them a share")
    if stage.augmentation.auto_augment and config.data.depth != 3:
        yield Problem(f"{path}.augmentation.auto_augment", "AutoAugment is for colour images; switch it off")


def _teacher_problems(config: RunConfig, stage: TeacherStage, path: str) -> Iterator[Problem]:
    if stage.sampling_steps is None:
        return
    if stage.source is None:
        yield Problem(f"{path}.sampling_steps", "a teacher that is trained here visits every level; leave it empty")
    elif config.schedule.num_timesteps % stage.sampling_steps:
        levels = config.schedule.num_timesteps
        yield Problem(f"{path}.sampling_steps", f"{stage.sampling_steps} does not divide the {levels} levels")


def _judge_problems(config: RunConfig, known: dict[str, Stage]) -> Iterator[Problem]:
    if config.evaluation.judge is None:
        return
    judge = known.get(config.evaluation.judge)
    if not isinstance(judge, ClassifierStage):
        yield Problem("evaluation.judge", f"'{config.evaluation.judge}' is no classifier stage of this run")
    elif any(not isinstance(stage, ClassifierStage) for stage in config.stages[: config.stages.index(judge)]):
        yield Problem("evaluation.judge", f"list '{judge.id}' before the first teacher, so that it can judge it")


def _network_problems(config: RunConfig) -> Iterator[Problem]:
    levels, side = len(config.network.multipliers), config.data.side
    for level in config.network.attention_levels:
        if not 0 <= level < levels:
            yield Problem("network.attention_levels", f"level {level} does not exist; there are {levels}")
    for level, multiplier in enumerate(config.network.multipliers):
        width = config.network.channels * multiplier
        if multiplier < 1 or width % config.network.norm_groups:
            yield Problem(
                "network.norm_groups", f"does not divide the {width} channels of level {level}; use a divisor"
            )
    if side % 2 ** (levels - 1):
        yield Problem("network.multipliers", f"{levels} levels halve an image of {side}x{side} too often; use fewer")


def _sampling_problems(config: RunConfig) -> Iterator[Problem]:
    for count in config.evaluation.sampling_steps:
        if count < 1:
            yield Problem("evaluation.sampling_steps", f"{count} is no number of steps; use 1 or more")
    if config.evaluation.sampler.guidance != 1 and (why := _unguided(config)):
        yield Problem("evaluation.sampler.guidance", why)


def _unguided(config: RunConfig) -> str:
    """Return why a run's models cannot be guided, or nothing."""
    if not config.network.conditional:
        return "only a class-conditional network can be guided; use 1, or set network.conditional"
    if not config.network.label_dropout:
        return "only a network that also draws without a class can be guided; use 1, or give network.label_dropout"
    return ""


def _student_problems(
    config: RunConfig, stage: ProgressiveStage | FeatureStage, known: dict[str, Stage], path: str
) -> Iterator[Problem]:
    parent = known.get(stage.parent)
    if parent is None or isinstance(parent, ClassifierStage):
        yield Problem(f"{path}.parent", f"'{stage.parent}' is no teacher or student listed before this stage")
    else:
        have = config.own_steps(parent)
        if have != 2 * stage.sampling_steps:
            fix = f"use {have // 2}" if have % 2 == 0 else "no student can halve an odd number of steps"
            yield Problem(
                f"{path}.sampling_steps",
                f"{stage.sampling_steps} is not half of the {have} steps of its teacher '{stage.parent}'; {fix}",
            )
    if stage.guidance != 1 and (why := _unguided(config)):
        yield Problem(f"{path}.guidance", why)
    if isinstance(stage, FeatureStage):
        yield from _matching_problems(config, stage, known, path)


def _matching_problems(config: RunConfig, stage: FeatureStage, known: dict[str, Stage], path: str) -> Iterator[Problem]:
    classifier = known.get(stage.classifier)
    if not isinstance(classifier, ClassifierStage):
        yield Problem(f"{path}.classifier", f"'{stage.classifier}' is no classifier listed before this stage")
        return
    if stage.classifier == config.evaluation.judge:
        yield Problem(
            f"{path}.classifier", f"'{stage.classifier}' is the judge, which must take no part in distillation"
        )
    if stage.dataset_weight and not classifier.knows(config.data.name):
        yield Problem(
            f"{path}.dataset_weight",
            f"the logits of '{stage.classifier}' do not mean the classes of {config.data.name}; use 0, or a classifier "
            "that was trained on them",
        )
