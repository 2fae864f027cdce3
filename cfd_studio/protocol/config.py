"""The experiment: everything that decides what a run computes, and nothing of the machine it runs on."""

from typing import Literal

from cfd_studio.protocol.errors import Problem
from cfd_studio.protocol.fields import Words, field
from cfd_studio.protocol.stages import (
    ClassifierStage,
    DiffusionStage,
    FeatureStage,
    ProgressiveStage,
    Stage,
    TeacherStage,
)

FORMAT_VERSION: Literal[2] = 2
IMAGE_SIDES = {"digits": 8}
MOST_STAGES = 1000


class DataConfig(Words):
    """Which images."""

    name: Literal["digits"] = field(
        "scikit-learn's 1,797 handwritten digits, 8x8 grey, in a fixed train / held-out split.", label="Data set"
    )


class ScheduleConfig(Words):
    """The noise schedule of the whole lineage (cosine)."""

    num_timesteps: int = field(
        "Levels T of the base grid; the teacher's own number of sampling steps.",
        label="Timesteps",
        unit="levels",
        basic=True,
        ge=8,
        le=8192,
    )
    clean_end: bool = field(
        "Whether level 0 is free of noise. Off, the table is that of the published CFD code, whose images keep the "
        "little noise of its level 0.",
        label="Clean end",
        default=True,
    )


class NetworkConfig(Words):
    """The U-Net that teacher and students share."""

    channels: int = field(
        "Channels of the first level; even.", label="Channels", default=128, ge=4, le=1024, multiple_of=2
    )
    multipliers: tuple[int, ...] = field(
        "Channels of each level as multiples of the first; each further level halves the image.",
        label="Multipliers",
        default=(1, 2, 2, 2),
        min_length=1,
        max_length=8,
    )
    attention_levels: tuple[int, ...] = field(
        "Levels with self-attention, counted from 0; the middle always has it.", label="Attention levels", default=(1,)
    )
    residual_blocks: int = field("Residual blocks per level.", label="Residual blocks", default=2, ge=1, le=16)
    norm_groups: int = field("Groups of each GroupNorm.", label="Norm groups", default=32, ge=1, le=256)
    conditional: bool = field(
        "Whether the network is told the class of an image, and draws the class it is asked for.",
        label="Class-conditional",
        default=False,
    )
    label_dropout: float = field(
        "Share of training images whose class is hidden, so that a class-conditional network draws without one too.",
        label="Label dropout",
        default=0.1,
        ge=0.0,
        le=1.0,
    )


class EvaluationConfig(Words):
    """How quality is measured at the end of every stage."""

    judge: str = field("The classifier stage whose features judge; never used in distillation.", label="Judge")
    samples: int = field("Images drawn per figure.", label="Samples", default=2000, unit="images", ge=16, le=1_000_000)
    sampling_steps: tuple[int, ...] = field(
        "Step counts judged beside each model's own.", label="Step counts", default=(1, 2, 4)
    )
    batch_size: int = field("Images drawn at once.", label="Batch size", default=500, unit="images", ge=1, le=65_536)


class JournalConfig(Words):
    """How often a run says and saves something."""

    log_every: int = field(
        "Steps between two points of the loss curve.", label="Log every", default=20, unit="steps", ge=1
    )
    held_out_every: int = field(
        "Steps between two held-out losses.", label="Held-out every", default=100, unit="steps", ge=1
    )
    checkpoint_every: int = field(
        "Steps between two checkpoints.", label="Checkpoint every", default=500, unit="steps", ge=1
    )
    gradient_norms_every: int = field(
        "Steps between two measurements of the gradient norm of each term, where a loss has several.",
        label="Gradient norms every",
        default=100,
        unit="steps",
        ge=1,
    )
    keep_checkpoints: int = field(
        "Newest checkpoints kept per stage.", label="Keep checkpoints", default=2, ge=1, le=1000
    )


class RunConfig(Words):
    """One experiment, fully resolved: what ``config.json`` holds and never changes."""

    format_version: Literal[2] = FORMAT_VERSION
    name: str = field("What the window calls the run.", label="Name", basic=True, min_length=1, max_length=80)
    seed: int = field(
        "Seed of weights, batches, noise and timesteps.", label="Seed", default=0, basic=True, ge=0, lt=2**31
    )
    data: DataConfig
    schedule: ScheduleConfig
    prediction: Literal["x", "eps", "v"] = field(
        "What the network predicts; one that predicts eps cannot be distilled.", label="Prediction", default="v"
    )
    clip_samples: bool = field(
        "Clip every estimate of the image to [-1, 1] while sampling.", label="Clip samples", default=True
    )
    clip_targets: bool = field(
        "Clip the teacher's estimates to [-1, 1] in the target of a student as well.",
        label="Clip targets",
        default=False,
    )
    network: NetworkConfig
    stages: tuple[Stage, ...] = field(
        "The stage tree, parents before children.", label="Stages", min_length=1, max_length=MOST_STAGES
    )
    evaluation: EvaluationConfig
    journal: JournalConfig = JournalConfig()

    def stage(self, stage_id: str) -> Stage:
        """Return the stage of that id, which must exist."""
        return next(stage for stage in self.stages if stage.id == stage_id)

    def own_steps(self, stage: DiffusionStage) -> int:
        """Return how many network calls a model was made for."""
        return self.schedule.num_timesteps if isinstance(stage, TeacherStage) else stage.sampling_steps

    def diffusion_stages(self) -> tuple[DiffusionStage, ...]:
        """Return teacher and students in the order they are trained."""
        return tuple(stage for stage in self.stages if not isinstance(stage, ClassifierStage))


def tree_problems(config: RunConfig) -> list[Problem]:
    """Return everything that is wrong between fields: the shape of the tree, the halving, the judge."""
    problems: list[Problem] = []
    known: dict[str, Stage] = {}
    for index, stage in enumerate(config.stages):
        path = f"stages.{stage.id}"
        if stage.id in known:
            problems.append(
                Problem(f"stages.{index}.id", f"the id '{stage.id}' is used twice; give each stage its own")
            )
        if isinstance(stage, (ProgressiveStage, FeatureStage)):
            problems += _student_problems(config, stage, known, path)
        resnet = isinstance(stage, ClassifierStage) and stage.architecture == "resnet18"
        if resnet and stage.optimization.batch_size < 2:
            problems.append(Problem(f"{path}.optimization.batch_size", "a resnet18 compares images; use 2 or more"))
        if stage.optimization.warmup_steps > stage.optimization.steps:
            problems.append(
                Problem(f"{path}.optimization.warmup_steps", "is longer than the stage; use at most its steps")
            )
        known[stage.id] = stage
    judge = known.get(config.evaluation.judge)
    if not isinstance(judge, ClassifierStage):
        problems.append(Problem("evaluation.judge", f"'{config.evaluation.judge}' is no classifier stage of this run"))
    elif any(not isinstance(stage, ClassifierStage) for stage in config.stages[: config.stages.index(judge)]):
        problems.append(
            Problem("evaluation.judge", f"list '{judge.id}' before the first teacher, so that it can judge it")
        )
    if config.prediction == "eps" and any(isinstance(s, (ProgressiveStage, FeatureStage)) for s in config.stages):
        problems.append(
            Problem(
                "prediction",
                "a model that predicts eps cannot be distilled: at the last level its image is a difference of noises "
                "divided by the little signal left, which magnifies every error a thousandfold; use v or x",
            )
        )
    levels = len(config.network.multipliers)
    for level in config.network.attention_levels:
        if not 0 <= level < levels:
            problems.append(Problem("network.attention_levels", f"level {level} does not exist; there are {levels}"))
    for level, multiplier in enumerate(config.network.multipliers):
        width = config.network.channels * multiplier
        if multiplier < 1 or width % config.network.norm_groups:
            problems.append(
                Problem("network.norm_groups", f"does not divide the {width} channels of level {level}; use a divisor")
            )
    if IMAGE_SIDES[config.data.name] % 2 ** (levels - 1):
        side = IMAGE_SIDES[config.data.name]
        problems.append(
            Problem("network.multipliers", f"{levels} levels halve an image of {side}x{side} too often; use fewer")
        )
    for count in config.evaluation.sampling_steps:
        if count < 1:
            problems.append(Problem("evaluation.sampling_steps", f"{count} is no number of steps; use 1 or more"))
    return problems


def _student_problems(
    config: RunConfig, stage: ProgressiveStage | FeatureStage, known: dict[str, Stage], path: str
) -> list[Problem]:
    problems: list[Problem] = []
    parent = known.get(stage.parent)
    if parent is None or isinstance(parent, ClassifierStage):
        problems.append(
            Problem(f"{path}.parent", f"'{stage.parent}' is no teacher or student listed before this stage")
        )
    else:
        have = config.own_steps(parent)
        if have != 2 * stage.sampling_steps:
            fix = f"use {have // 2}" if have % 2 == 0 else "no student can halve an odd number of steps"
            problems.append(
                Problem(
                    f"{path}.sampling_steps",
                    f"{stage.sampling_steps} is not half of the {have} steps of its teacher '{stage.parent}'; {fix}",
                )
            )
    if isinstance(stage, FeatureStage):
        if not isinstance(known.get(stage.classifier), ClassifierStage):
            problems.append(
                Problem(f"{path}.classifier", f"'{stage.classifier}' is no classifier listed before this stage")
            )
        elif stage.classifier == config.evaluation.judge:
            problems.append(
                Problem(
                    f"{path}.classifier", f"'{stage.classifier}' is the judge, which must take no part in distillation"
                )
            )
    return problems
