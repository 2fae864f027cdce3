"""The kinds of stage a run is made of, and the tree they form."""

from typing import Annotated, Literal

from pydantic import Field

from cfd_studio.protocol.data import DataName
from cfd_studio.protocol.fields import Words, field
from cfd_studio.protocol.optimization import Optimization
from cfd_studio.protocol.sources import ClassifierSource, ImageNetSource, TeacherSource

STAGE_ID = r"^[a-z0-9][a-z0-9-]{0,39}$"


class _Stage(Words):
    id: str = field("Name of the stage in folders, curves and commands.", label="Id", basic=True, pattern=STAGE_ID)
    optimization: Optimization | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps of this stage; 0 where its weights come from elsewhere."""
        return self.optimization.steps if self.optimization else 0

    @property
    def images(self) -> int:
        """Images that it sees in training."""
        return self.optimization.steps * self.optimization.batch_size if self.optimization else 0


class Augmentation(Words):
    """What is done to a classifier's training images besides the flip of the data set; the default is nothing."""

    crop_padding: int = field(
        "Pixels of padding from which a random crop of the image's own size is taken.",
        label="Crop padding",
        default=0,
        unit="pixels",
        ge=0,
        le=64,
    )
    auto_augment: bool = field(
        "AutoAugment with the policies for CIFAR-10 (arXiv 1805.09501).", label="AutoAugment", default=False
    )
    cutout: int = field(
        "Side of a square that is blanked at a random place (arXiv 1708.04552); 0 for none.",
        label="Cutout",
        default=0,
        unit="pixels",
        ge=0,
        le=256,
    )


Architecture = Literal["cnn", "mlp", "resnet18", "resnet34", "resnet50", "densenet121", "densenet201"]
_FEATURES = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "densenet121": 1024, "densenet201": 1920}


class ClassifierStage(_Stage):
    """A classifier: to distil with, or to judge with; trained here, or taken from elsewhere."""

    kind: Literal["classifier"] = "classifier"
    parent: None = None
    source: ClassifierSource | None = field(
        "Where its weights come from; empty to train it here.", label="Source", default=None
    )
    architecture: Architecture = field(
        "A small convolutional network, a perceptron on the pixels, a ResNet or a DenseNet.",
        label="Architecture",
        basic=True,
    )
    width: int = field(
        "Features of the penultimate layer of a cnn or mlp; the others have their own number.",
        label="Features",
        default=64,
        ge=4,
        le=4096,
    )
    dropout: float = field("Dropout before the last layer.", label="Dropout", default=0.0, ge=0.0, lt=1.0)
    stem: Literal["small", "imagenet"] = field(
        "How a ResNet or DenseNet begins: small is a 3x3 convolution of stride 1 without pooling, for images of some "
        "32 pixels; imagenet is torchvision's own.",
        label="Stem",
        default="small",
    )
    input_size: int | None = field(
        "Side to which images are resized, on the device, for the network; empty to leave them as they are.",
        label="Input size",
        default=None,
        unit="pixels",
        ge=8,
        le=512,
    )
    normalization: Literal["none", "data-set", "cifar10-reference", "imagenet"] = field(
        "What the network is fed: none is [-1, 1]; data-set subtracts the mean of the training images and divides by "
        "their deviation, per channel; the others use the constants of the published CFD code and of ImageNet.",
        label="Normalization",
        default="none",
    )
    classes_of: DataName | None = field(
        "Data set whose classes an imported classifier knows; empty for this run's.", label="Classes of", default=None
    )
    augmentation: Augmentation = Augmentation()
    label_smoothing: float = field(
        "Share of the target that is spread over all classes.", label="Label smoothing", default=0.0, ge=0.0, lt=1.0
    )
    validation_share: float = field(
        "Share of the training images on which epochs are compared instead of trained; never the held-out images.",
        label="Validation share",
        default=0.0,
        ge=0.0,
        le=0.5,
    )
    keep: Literal["last", "best"] = field(
        "Which weights the stage ends with: those of the last step, or of the epoch that names most validation images "
        "rightly.",
        label="Keep",
        default="last",
    )

    @property
    def features(self) -> int:
        """How many features the penultimate layer has."""
        return _FEATURES.get(self.architecture, self.width)

    def knows(self, data: DataName) -> bool:
        """Return whether its classes are those of that data set."""
        return not isinstance(self.source, ImageNetSource) and self.classes_of in (None, data)


class TeacherStage(_Stage):
    """The diffusion model that everything is distilled from; trained here, where it visits every level, or imported."""

    kind: Literal["teacher"] = "teacher"
    parent: None = None
    source: TeacherSource | None = field(
        "Where its weights come from: another run, or an imported checkpoint; empty to train one here.",
        label="Source",
        default=None,
    )
    sampling_steps: int | None = field(
        "Network calls an imported model was made for; empty for every level of the base grid.",
        label="Sampling steps",
        default=None,
        unit="calls",
        ge=1,
        le=8192,
    )
    dropout: float = field(
        "Dropout in the residual blocks while training.", label="Dropout", default=0.0, ge=0.0, lt=1.0
    )
    weighting: Literal["truncated-snr", "snr", "constant", "snr+1"] = field(
        "How much each noise level counts: max(SNR, 1); SNR is the eps-error, constant the x-error, SNR + 1 the "
        "v-error.",
        label="Loss weight",
        default="truncated-snr",
    )


ClassifierFed = Literal["matched", "as-reference"]


class FeatureMatching(Words):
    """How the two-step target is matched in the eyes of a classifier."""

    classifier_input: ClassifierFed = field(
        "What the classifier is fed in distillation: matched is what it was trained on; as-reference leaves out its "
        "normalization, as the published CFD code does.",
        label="Classifier input",
        default="matched",
    )
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
    optimization: Optimization
    parent: str = field("The stage that teaches.", label="Parent", basic=True)
    guidance: float = field(
        "Classifier-free guidance of the teacher that the student learns by heart; 1 is none. Needs a "
        "class-conditional network with label dropout.",
        label="Guidance",
        default=1.0,
        ge=0.0,
        le=100.0,
    )
    sampling_steps: int = field(
        "Network calls of the student: half of its teacher's.", label="Sampling steps", unit="calls", basic=True, ge=1
    )


class ProgressiveStage(_Student):
    """Progressive distillation (arXiv 2202.00512): one student step lands where two teacher steps land."""

    kind: Literal["progressive"] = "progressive"


class FeatureStage(_Student, FeatureMatching):
    """Classifier-based Feature Distillation (arXiv 2211.12039): the two-step target is matched in feature space."""

    kind: Literal["feature"] = "feature"
    classifier: str = field("The classifier stage whose features are matched.", label="Classifier", basic=True)


Stage = Annotated[ClassifierStage | TeacherStage | ProgressiveStage | FeatureStage, Field(discriminator="kind")]
DiffusionStage = TeacherStage | ProgressiveStage | FeatureStage
