"""ResNet-18 for small images: to distil with, as published, or to judge with."""

from torch import Tensor, nn

from cfd_studio.networks.classifiers import Classified


class ResNet18Classifier(nn.Module):
    """torchvision's ResNet-18 with the CIFAR stem: a 3x3 convolution of stride 1, and no max-pooling.

    Names of parameters and buffers are torchvision's. The features are the 512 channels after the last ReLU, averaged
    over all positions. He et al. 2016, arXiv 1512.03385.

    Parameters
    ----------
    image_channels, classes : int
    dropout : float
        Before the last layer.
    """

    def __init__(self, image_channels: int, classes: int, dropout: float) -> None:
        super().__init__()
        # Takes seconds to import, and few runs need it.
        from torchvision.models import resnet18

        network = resnet18(num_classes=classes)
        self.conv1 = nn.Conv2d(image_channels, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1 = network.bn1
        self.relu = network.relu
        self.layer1 = network.layer1
        self.layer2 = network.layer2
        self.layer3 = network.layer3
        self.layer4 = network.layer4
        self.dropout = nn.Dropout(dropout)
        self.fc = network.fc

    def forward(self, x: Tensor) -> Classified:
        """Classify images of shape (B, C, H, W) in [-1, 1], of any height and width."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        features = x.mean(dim=(2, 3))
        return Classified(self.fc(self.dropout(features)), features)
