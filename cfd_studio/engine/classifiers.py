"""Classifiers by the names that a config has for them, and what a classifier's stage needs besides."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from cfd_studio.data.augment import Augment
from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.data.moments import channel_moments
from cfd_studio.engine.classification import ClassifierObjective
from cfd_studio.networks.classifiers import Classifier, ConvolutionalClassifier, PerceptronClassifier
from cfd_studio.networks.densenet import DenseNetClassifier
from cfd_studio.networks.inputs import ClassifierInput, Moments
from cfd_studio.networks.resnet import ResNetClassifier
from cfd_studio.protocol.stages import ClassifierFed, ClassifierStage

ImageShape = tuple[int, int, int]
_Maker = Callable[[ClassifierStage, ImageShape, int], Classifier]


def _convolutional(stage: ClassifierStage, shape: ImageShape, classes: int) -> Classifier:
    return ConvolutionalClassifier(shape[0], classes, stage.width, stage.dropout)


def _perceptron(stage: ClassifierStage, shape: ImageShape, classes: int) -> Classifier:
    channels, height, width = shape
    return PerceptronClassifier(channels * height * width, classes, stage.width, stage.dropout)


def _resnet(stage: ClassifierStage, shape: ImageShape, classes: int) -> Classifier:
    return ResNetClassifier(stage.architecture, shape[0], classes, stage.dropout, stage.stem)


def _densenet(stage: ClassifierStage, shape: ImageShape, classes: int) -> Classifier:
    return DenseNetClassifier(stage.architecture, shape[0], classes, stage.dropout, stage.stem)


_ARCHITECTURES: dict[str, _Maker] = {
    "cnn": _convolutional,
    "mlp": _perceptron,
    "resnet18": _resnet,
    "resnet34": _resnet,
    "resnet50": _resnet,
    "densenet121": _densenet,
    "densenet201": _densenet,
}
# Mean and deviation of images in [0, 1]: those of the published CFD code, and torchvision's for ImageNet.
_NORMALIZATIONS: dict[str, Callable[[int], Moments | None]] = {
    "none": lambda _channels: None,
    "data-set": lambda channels: ((0.5,) * channels, (0.5,) * channels),  # until they are measured
    "cifar10-reference": lambda _channels: ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "imagenet": lambda _channels: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def build_classifier(stage: ClassifierStage, shape: ImageShape, classes: int) -> Classifier:
    """Return a classifier with fresh weights, and what it does to images before.

    Parameters
    ----------
    stage : ClassifierStage
    shape : (int, int, int)
        Channels, height and width of the images it is made for.
    classes : int
    """
    network = _ARCHITECTURES[stage.architecture](stage, shape, classes)
    network.input = build_input(stage, shape[0])
    return network


def build_input(stage: ClassifierStage, channels: int) -> ClassifierInput:
    """Return what is done to images before a network of so many channels sees them."""
    return ClassifierInput(channels, stage.input_size, _NORMALIZATIONS[stage.normalization](channels))


def fit_input(network: nn.Module, stage: ClassifierStage, images: ImageSet, rows: Tensor | None = None) -> None:
    """Measure what a classifier subtracts and divides by, where that is a matter of its training images.

    Parameters
    ----------
    network, stage
    images : ImageSet
    rows : Tensor of int64, optional
        Which of the images are trained on; all by default.
    """
    if stage.normalization == "data-set":
        assert isinstance(network, Classifier)
        assert isinstance(network.input, ClassifierInput)
        network.input.set_moments(channel_moments(images.images, rows))


def as_fed(network: nn.Module, fed: ClassifierFed) -> Classifier:
    """Return a classifier as distillation uses it: fed what it was trained on, or as the reference feeds it.

    For the latter it is changed to be fed images in [-1, 1] past its normalisation; it still resizes them.
    """
    assert isinstance(network, Classifier)
    if fed == "as-reference":
        assert isinstance(network.input, ClassifierInput)
        network.input = network.input.without_normalization()
    return network


def build_classifier_objective(stage: ClassifierStage) -> ClassifierObjective:
    """Return what a classifier minimises, with its augmentations."""
    return ClassifierObjective(Augment(**stage.augmentation.model_dump()), stage.label_smoothing)


def split_for_validation(data: DataSet, share: float, seed: int) -> tuple[DataSet, Tensor | None]:
    """Let a share of the training images take the place of the held-out ones.

    What is chosen by comparing epochs must not be chosen on images that the result is judged with.

    Parameters
    ----------
    data : DataSet
    share : float
        In [0, 0.5]; at least one image is split off, unless it is 0.
    seed : int
        The split depends on it, on the number of images, and on nothing else.

    Returns
    -------
    data : DataSet
        The validation images are a copy, where the training images are: on the training device or, where those are too
        many for it, in memory.
    rows : Tensor of int64, on the CPU, or None
        Which of the training images are still to be trained on, in order; none of them is copied. None for all.
    """
    if not share:
        return data, None
    images, labels = data.train.images, data.train.labels
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    count = max(1, round(share * len(images)))
    held, kept = order[:count].sort().values, order[count:].sort().values
    there = held.to(images.device)
    return replace(data, held_out=ImageSet(images[there], labels[there])), kept
