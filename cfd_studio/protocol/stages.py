"""The kinds of stage a run is made of, and the tree they form."""

from typing import Annotated, Literal

from pydantic import Field

from cfd_studio.protocol.fields import Words, field

STAGE_ID = r"^[a-z0-9][a-z0-9-]{0,39}$"


class Optimization(Words):
    """How the weights of one stage are fitted: Adam with a learning-rate schedule, clipping and an optional EMA."""

    steps: int = field("Optimizer steps of this stage.", label="Steps", unit="steps", basic=True, ge=1, le=100_000_000)
    batch_size: int = field(
        "Images per optimizer step.", label="Batch size", unit="images", basic=True, ge=1, le=65_536
    )
    learning_rate: float = field("Peak learning rate of Adam.", label="Learning rate", basic=True, gt=0.0, le=1.0)
    learning_rate_schedule: Literal["constant", "cosine"] = field(
        "What the learning rate does after the warm-up: stay, or fall to 0 along a half cosine.",
        label="Schedule",
        default="cosine",
    )
    warmup_steps: int = field(
        "Steps over which the learning rate rises linearly from 0.", label="Warm-up", default=0, unit="steps", ge=0
    )
    gradient_clip: float = field(
        "Largest allowed L2 norm of the gradient; larger ones are scaled down to it.",
        label="Gradient clip",
        default=1.0,
        gt=0.0,
    )
    ema_decay: float | None = field(
        "Decay of the moving average of the weights, ramped as min(decay, (1 + n) / (10 + n)); empty for none.",
        label="EMA decay",
        default=None,
        gt=0.0,
        lt=1.0,
    )
    weight_decay: float = field(
        "Decoupled weight decay (AdamW); 0 is plain Adam.", label="Weight decay", default=0.0, ge=0.0, le=1.0
    )


class _Stage(Words):
    id: str = field("Name of the stage in folders, curves and commands.", label="Id", pattern=STAGE_ID)
    optimization: Optimization


class ClassifierStage(_Stage):
    """A classifier of the data set: to distil with, or to judge with."""

    kind: Literal["classifier"] = "classifier"
    parent: None = None
    architecture: Literal["cnn", "mlp", "resnet18"] = field(
        "A small convolutional network, a perceptron on the pixels, or a ResNet-18 with a stem for small images.",
        label="Architecture",
    )
    width: int = field(
        "Features of the penultimate layer; a resnet18 always has 512.", label="Features", default=64, ge=4, le=4096
    )
    dropout: float = field("Dropout before the last layer.", label="Dropout", default=0.0, ge=0.0, lt=1.0)

    @property
    def features(self) -> int:
        """How many features the penultimate layer has."""
        return 512 if self.architecture == "resnet18" else self.width


class TeacherStage(_Stage):
    """The diffusion model that everything is distilled from; it visits every level of the base grid."""

    kind: Literal["teacher"] = "teacher"
    parent: None = None
    dropout: float = field(
        "Dropout in the residual blocks while training.", label="Dropout", default=0.0, ge=0.0, lt=1.0
    )
    weighting: Literal["truncated-snr", "snr", "constant", "snr+1"] = field(
        "How much each noise level counts: max(SNR, 1); SNR is the eps-error, constant the x-error, SNR + 1 the "
        "v-error.",
        label="Loss weight",
        default="truncated-snr",
    )


class FeatureMatching(Words):
    """How the two-step target is matched in the eyes of a classifier."""

    match: Literal["features", "logits"] = field(
        "What of the classifier is compared: the features before its last layer (the paper), or its logits.",
        label="Match",
        default="features",
    )
    temperature: float = field(
        "Divides the teacher's side only, before the softmax; below 1 sharpens it.",
        label="Temperature",
        default=0.9,
        basic=True,
        gt=0.0,
        le=10.0,
    )
    anchor_weight: float = field(
        "Weight of the PD loss added to the feature loss; 0 is the paper.",
        label="Pixel anchor",
        default=0.0,
        basic=True,
        ge=0.0,
        le=1000.0,
    )
    dataset_weight: float = field(
        "Weight of the dataset-oriented loss, beta in the paper; 0 leaves it out. The classifier must know the classes "
        "of the data set.",
        label="Dataset loss (β)",
        default=0.0,
        ge=0.0,
        le=1000.0,
    )
    entropy_share: float = field(
        "Share of confident predictions in the dataset-oriented loss, gamma in the paper; the rest asks for diverse "
        "ones.",
        label="Entropy share (γ)",
        default=0.75,
        ge=0.0,
        le=1.0,
    )


class _Student(_Stage):
    parent: str = field("The stage that teaches.", label="Parent")
    sampling_steps: int = field(
        "Network calls of the student: half of its teacher's.", label="Sampling steps", unit="calls", ge=1
    )


class ProgressiveStage(_Student):
    """Progressive distillation (arXiv 2202.00512): one student step lands where two teacher steps land."""

    kind: Literal["progressive"] = "progressive"


class FeatureStage(_Student, FeatureMatching):
    """Classifier-based Feature Distillation (arXiv 2211.12039): the two-step target is matched in feature space."""

    kind: Literal["feature"] = "feature"
    classifier: str = field("The classifier stage whose features are matched.", label="Classifier")


Stage = Annotated[ClassifierStage | TeacherStage | ProgressiveStage | FeatureStage, Field(discriminator="kind")]
DiffusionStage = TeacherStage | ProgressiveStage | FeatureStage
