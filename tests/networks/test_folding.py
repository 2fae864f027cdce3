import pytest
import torch
from torch import nn

from cfd_studio.networks.classifiers import Classifier, ConvolutionalClassifier
from cfd_studio.networks.densenet import DenseNetClassifier
from cfd_studio.networks.folding import fold_batch_normalization
from cfd_studio.networks.inputs import ClassifierInput
from cfd_studio.networks.resnet import ResNetClassifier


def _used(network: Classifier, channels: int) -> Classifier:
    """Return a classifier whose normalisations have seen something, in evaluation mode."""
    network.input = ClassifierInput(channels, moments=((0.4,) * channels, (0.2,) * channels))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 2)
                module.bias.normal_()
    return network.eval()


def _normalizations(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    ("make", "channels", "left"),
    [
        (lambda: ConvolutionalClassifier(1, 10, 16, 0.0), 1, 0),
        (lambda: ResNetClassifier("resnet18", 3, 10, 0.0), 3, 0),
        # Before each dense layer, transition and the end one follows no convolution: 58 + 3 + 1.
        (lambda: DenseNetClassifier("densenet121", 3, 10, 0.0), 3, 62),
    ],
    ids=["cnn", "resnet18", "densenet121"],
)
def test_a_folded_classifier_sees_the_same(make, channels, left):
    torch.manual_seed(0)
    network = _used(make(), channels)
    images = torch.rand(3, channels, 16, 16) * 2 - 1
    images.requires_grad_()
    before = network(images)
    (slope,) = torch.autograd.grad(before.features.sum(), images)
    fold_batch_normalization(network)
    after = network(images)
    (folded_slope,) = torch.autograd.grad(after.features.sum(), images)
    assert _normalizations(network) == left
    for one, other in ((before.features, after.features), (before.logits, after.logits), (slope, folded_slope)):
        assert (one - other).norm() <= 2e-6 * one.norm()
