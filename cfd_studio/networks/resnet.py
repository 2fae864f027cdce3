"""ResNets for small images, and torchvision's own: to distil with, as published, or to judge with."""

from typing import Literal

from torch import Tensor, nn

from cfd_studio.networks.classifiers import Classifier

Stem = Literal["small", "imagenet"]


class ResNetClassifier(Classifier):
    """torchvision's ResNet-18, -34 or -50, with the CIFAR stem or its own.

    The small stem is a 3x3 convolution of stride 1, and no max-pooling. Names of parameters and buffers are
    torchvision's. The features are the 512 (ResNet-50: 2048) channels after the last ReLU, averaged over all positions.
    He et al. 2016, arXiv 1512.03385.

    Parameters
    ----------
    architecture : {"resnet18", "resnet34", "resnet50"}
    image_channels, classes : int
    dropout : float
        Before the last layer.
    stem : {"small", "imagenet"}, optional
    """

    def __init__(
        self, architecture: str, image_channels: int, classes: int, dropout: float, stem: Stem = "small"
    ) -> None:
        super().__init__(dropout)
        # Takes seconds to import, and few runs need it.
        from torchvision import models

        network = models.get_model(architecture, weights=None, num_classes=classes)
        small = stem == "small"
        size, stride, padding = (3, 1, 1) if small else (7, 2, 3)
        self.conv1 = nn.Conv2d(image_channels, 64, size, stride, padding, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1 = network.bn1
        self.relu = network.relu
        self.maxpool = nn.Identity() if small else network.maxpool
        self.layer1 = network.layer1
        self.layer2 = network.layer2
        self.layer3 = network.layer3
        self.layer4 = network.layer4
        self.fc = network.fc

    def features_of(self, x: Tensor) -> Tensor:
        """Return the features of images of any height and width."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3))
