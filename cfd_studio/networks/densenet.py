"""DenseNets for small images, and torchvision's own: the classifier of the published CFD results is one."""

from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.networks.classifiers import Classifier
from cfd_studio.networks.resnet import Stem


class DenseNetClassifier(Classifier):
    """torchvision's DenseNet-121 or -201 (growth 32), with the CIFAR stem or its own.

    The small stem is a 3x3 convolution of stride 1, normalisation and ReLU, without max-pooling. Names of parameters
    and buffers are torchvision's. The features are the 1024 (DenseNet-201: 1920) channels after the last normalisation
    and a ReLU, averaged over all positions. Huang et al. 2017, arXiv 1608.06993.

    Parameters
    ----------
    architecture : {"densenet121", "densenet201"}
    image_channels, classes : int
    dropout : float
        Before the last layer.
    stem : {"small", "imagenet"}, optional
    """

    last = "classifier"

    def __init__(
        self, architecture: str, image_channels: int, classes: int, dropout: float, stem: Stem = "small"
    ) -> None:
        super().__init__(dropout)
        # Takes seconds to import, and few runs need it.
        from torchvision import models

        network = models.get_model(architecture, weights=None, num_classes=classes)
        size, stride, padding = (3, 1, 1) if stem == "small" else (7, 2, 3)
        network.features.conv0 = nn.Conv2d(image_channels, 64, size, stride, padding, bias=False)
        nn.init.kaiming_normal_(network.features.conv0.weight)
        if stem == "small":
            network.features.pool0 = nn.Identity()
        self.features = network.features
        self.classifier = network.classifier

    def features_of(self, x: Tensor) -> Tensor:
        """Return the features of images of 8 pixels a side or more; with torchvision's stem, 29."""
        return functional.relu(self.features(x)).mean(dim=(2, 3))
