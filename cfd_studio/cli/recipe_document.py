"""Recipes and all that matters of their values, as a Markdown document."""

from collections.abc import Callable

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS
from cfd_studio.protocol.markdown import table
from cfd_studio.protocol.optimization import Optimization
from cfd_studio.protocol.plan import Recipe
from cfd_studio.protocol.stages import ClassifierStage, FeatureStage, Stage, TeacherStage

_Cell = Callable[[RunConfig, Stage], str]


def recipe_section(name: str, recipe: Recipe, config: RunConfig) -> str:
    """Return a recipe's section of the document: what it is, its models, its stages, how it is judged.

    Parameters
    ----------
    name : str
        Of the preset.
    recipe : Recipe
    config : RunConfig
        The recipe with its halvings expanded; only columns in which a stage has something are shown.
    """
    rows = [[cell(config, stage) for cell in _COLUMNS.values()] for stage in config.stages]
    shown = [index for index in range(len(_COLUMNS)) if any(row[index] for row in rows)]
    header = [title for index, title in enumerate(_COLUMNS) if index in shown]
    return "\n\n".join(
        part
        for part in (
            f"## {name}: {recipe.name}",
            recipe.summary,
            _models(config),
            table(header, [[row[index] for index in shown] for row in rows]),
            _judging(config),
            f"Seen in training: {sum(stage.images for stage in config.stages):,} images.",
            f"Comparable with: {recipe.comparable}" if recipe.comparable else "",
        )
        if part
    )


def _models(config: RunConfig) -> str:
    data, network = config.data, config.network
    *others, last = map(str, network.attention_levels or ("",))
    at = f"levels {', '.join(others)} and {last}" if others else f"level {last}"
    levels = f" and at {at}" if last else ""
    blocks = f"{network.residual_blocks} residual block{'s' if network.residual_blocks > 1 else ''}"
    conditional = f", class-conditional (classes hidden: {network.label_dropout:g})" if network.conditional else ""
    words = DATA_SETS[data.name].words
    return (
        f"{words[0].upper()}{words[1:]}, {data.side}x{data.side}x{data.depth}{', flipped' if data.flips else ''}. "
        f"Base grid of {config.schedule.num_timesteps:,} levels, {'clean' if config.schedule.clean_end else 'noisy'} "
        f"end, {config.prediction} prediction. U-Net of {network.channels} channels x {network.multipliers}, "
        f"{blocks} per level, attention in the middle{levels}{conditional}."
    )


def _judging(config: RunConfig) -> str:
    evaluation = config.evaluation
    judges = [f"'{evaluation.judge}'"] if evaluation.judge else []
    judges += ["Inception-v3"] if evaluation.inception else []
    counts = ", ".join(map(str, evaluation.sampling_steps))
    capped = evaluation.most_steps < config.schedule.num_timesteps
    return (
        f"Judged after every stage by {' and '.join([*judges, 'pixels'])} on {evaluation.samples:,} samples "
        f"({evaluation.sampler}), at its own step count"
        f"{f' but at most {evaluation.most_steps:,}' if capped else ''}{f', and at {counts}' if counts else ''}."
    )


def _of_training(cell: Callable[[Optimization], str]) -> _Cell:
    """Return a column that says something of how a stage is trained; empty where it is not."""
    return lambda _config, stage: cell(stage.optimization) if stage.optimization else ""


def _kind(config: RunConfig, stage: Stage) -> str:
    match stage:
        case ClassifierStage():
            return f"classifier, {stage.architecture}"
        case TeacherStage():
            return f"teacher, {config.own_steps(stage):,} steps"
        case _:
            count = config.own_steps(stage)
            return f"{stage.kind}, {count} step{'s' if count > 1 else ''}, from {stage.parent}"


def _input(_config: RunConfig, stage: Stage) -> str:
    if not isinstance(stage, ClassifierStage):
        return ""
    more = stage.augmentation
    parts = [
        f"{stage.stem} stem" if stage.architecture not in ("cnn", "mlp") else "",
        f"normalised ({stage.normalization})" if stage.normalization != "none" else "",
        f"resized to {stage.input_size}" if stage.input_size else "",
        f"crop {more.crop_padding}" if more.crop_padding else "",
        "AutoAugment" if more.auto_augment else "",
        f"Cutout {more.cutout}" if more.cutout else "",
        f"label smoothing {stage.label_smoothing:g}" if stage.label_smoothing else "",
        f"{stage.keep} epoch on {stage.validation_share:.0%} validation" if stage.validation_share else "",
    ]
    return ", ".join(part for part in parts if part)


def _matching(_config: RunConfig, stage: Stage) -> str:
    if not isinstance(stage, FeatureStage):
        return ""
    parts = [f"{stage.match} of '{stage.classifier}' ({stage.classifier_input}), temperature {stage.temperature:g}"]
    if stage.dataset_weight:
        parts.append(f"β {stage.dataset_weight:g}, γ {stage.entropy_share:g}")
    if stage.anchor_weight:
        parts.append(f"anchor {stage.anchor_weight:g}")
    return ", ".join(parts)


def _optimizer(how: Optimization) -> str:
    decay = f", weight decay {how.weight_decay:g}" if how.weight_decay else ""
    if how.optimizer == "sgd":
        return f"SGD, momentum {how.momentum:g}{' (Nesterov)' if how.nesterov else ''}{decay}"
    return f"{'AdamW' if decay else 'Adam'}{decay}"


def _rate(how: Optimization) -> str:
    warm_up = f", warm-up {how.warmup_steps:,}" if how.warmup_steps else ""
    return f"{how.learning_rate:g} {how.learning_rate_schedule}{warm_up}"


def _average(how: Optimization) -> str:
    if how.ema_half_life is not None:
        return f"half-life {how.ema_half_life:g} images"
    return f"{how.ema_decay:g}" if how.ema_decay is not None else ""


def _dropout(_config: RunConfig, stage: Stage) -> str:
    return f"{stage.dropout:g}" if isinstance(stage, ClassifierStage | TeacherStage) and stage.dropout else ""


_COLUMNS: dict[str, _Cell] = {
    "stage": lambda _config, stage: stage.id,
    "kind": _kind,
    "source": lambda _config, stage: source.kind if (source := getattr(stage, "source", None)) else "",
    "steps": _of_training(lambda how: f"{how.steps:,}"),
    "batch": _of_training(lambda how: str(how.batch_size)),
    "optimiser": _of_training(_optimizer),
    "learning rate": _of_training(_rate),
    "gradient clip": _of_training(lambda how: f"{how.gradient_clip:g}" if how.gradient_clip else ""),
    "dropout": _dropout,
    "EMA": _of_training(_average),
    "classifier's input": _input,
    "matching": _matching,
    "images": lambda _config, stage: f"{stage.images:,}" if stage.images else "",
}
