"""The ResNet-18 is torchvision's but for its stem."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.networks.resnet import ResNetClassifier


@pytest.fixture(scope="module")
def network() -> ResNetClassifier:
    made = ResNetClassifier("resnet18", 3, 10, 0.5)
    for module in made.modules():  # running statistics of a trained network
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    return made.eval()


def _theirs(network: ResNetClassifier) -> nn.Module:
    """Return torchvision's own network with a small stem, of the same weights."""
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
    theirs.maxpool = nn.Identity()
    theirs.load_state_dict(network.state_dict())  # strict: the same names and shapes
    return theirs.eval()


def test_it_has_as_many_parameters_as_the_cifar_resnet18(network: ResNetClassifier) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_173_962


@torch.no_grad()
def test_it_computes_what_torchvision_computes(network: ResNetClassifier) -> None:
    theirs = _theirs(network)
    pooled: list[Tensor] = []
    theirs.avgpool.register_forward_hook(lambda module, inputs, output: pooled.append(output.flatten(1)))  # type: ignore[union-attr,operator]
    x = torch.randn(2, 3, 32, 32)
    logits, features = network(x)
    torch.testing.assert_close(logits, theirs(x))
    torch.testing.assert_close(features, pooled[0])
    assert features.shape == (2, 512)
    assert (features >= 0).all()


@torch.no_grad()
@pytest.mark.parametrize(("channels", "classes", "side"), [(1, 10, 8), (3, 100, 33), (4, 2, 1)])
def test_any_channels_classes_and_size(channels: int, classes: int, side: int) -> None:
    made = ResNetClassifier("resnet18", channels, classes, 0.0).eval()
    logits, features = made(torch.randn(2, channels, side, side))
    assert logits.shape == (2, classes)
    assert features.shape == (2, 512)


def test_it_learns_four_digits_by_heart() -> None:
    made = ResNetClassifier("resnet18", 1, 10, 0.0)
    optimizer = torch.optim.Adam(made.parameters(), 1e-3)
    images, labels = torch.rand(4, 1, 8, 8) * 2 - 1, torch.arange(4)
    losses = []
    for _ in range(8):
        loss = functional.cross_entropy(made(images).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


def test_the_features_carry_a_gradient_to_the_image(network: ResNetClassifier) -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    network(x).features.square().sum().backward()
    assert x.grad is not None
    assert (x.grad.flatten(1).abs().amax(1) > 0).all()
