"""What every classifier is; and two small ones of different kinds: one to distil with, another to judge with."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Classified(NamedTuple):
    """What a classifier says of a batch.

    Attributes
    ----------
    logits : Tensor, shape (B, classes)
    features : Tensor, shape (B, F)
        The penultimate layer after its ReLU, pooled over all positions; not negative.
    """

    logits: Tensor
    features: Tensor


class Classifier(nn.Module, ABC):
    """Images become what the network takes, then features, then logits.

    Parameters
    ----------
    dropout : float
        Before the last layer.

    Attributes
    ----------
    input : nn.Module
        What is done to images before the network sees them; nothing, until another module is put in its place.
    last : str
        Name of the last layer.
    """

    last = "fc"

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.input: nn.Module = nn.Identity()
        self.dropout = nn.Dropout(dropout)

    @abstractmethod
    def features_of(self, x: Tensor) -> Tensor:
        """Return the pooled features, shape (B, F), of what the network is fed."""

    def forward(self, x: Tensor) -> Classified:
        """Classify images of shape (B, C, H, W) in [-1, 1]."""
        features = self.features_of(self.input(x))
        return Classified(getattr(self, self.last)(self.dropout(features)), features)


class ConvolutionalClassifier(Classifier):
    """Three normalised 3x3 convolutions with one halving, global average pooling, one linear layer.

    Parameters
    ----------
    image_channels, classes, width : int
        ``width`` is the number of pooled features.
    dropout : float
        Before the last layer.
    """

    last = "out"

    def __init__(self, image_channels: int, classes: int, width: int, dropout: float) -> None:
        super().__init__(dropout)
        half = max(1, width // 2)
        self.body = nn.Sequential(
            nn.Conv2d(image_channels, half, 3, padding=1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.out = nn.Linear(width, classes)

    def features_of(self, x: Tensor) -> Tensor:
        """Return ``width`` features of images of any height and width."""
        return self.body(x).mean(dim=(2, 3))


class PerceptronClassifier(Classifier):
    """Two hidden layers on the flattened pixels.

    Parameters
    ----------
    pixels : int
        Values of one image: channels * height * width.
    classes, width : int
        ``width`` is the number of features.
    dropout : float
        Before the last layer.
    """

    last = "out"

    def __init__(self, pixels: int, classes: int, width: int, dropout: float) -> None:
        super().__init__(dropout)
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, 4 * width), nn.ReLU(), nn.Linear(4 * width, width), nn.ReLU()
        )
        self.out = nn.Linear(width, classes)

    def features_of(self, x: Tensor) -> Tensor:
        """Return ``width`` features of images of one size."""
        return self.body(x)
