"""ResNets and DenseNets: as many parameters as are known of them, and torchvision's answers."""

import pytest
import torch
from torch import nn

from cfd_studio.networks.classifiers import Classifier
from cfd_studio.networks.densenet import DenseNetClassifier
from cfd_studio.networks.pretrained import modern_names
from cfd_studio.networks.resnet import ResNetClassifier, Stem


def _made(name: str, classes: int, stem: Stem, channels: int = 3) -> Classifier:
    maker = ResNetClassifier if name.startswith("resnet") else DenseNetClassifier
    return maker(name, channels, classes, 0.0, stem)


# The small ones as in the CIFAR collections of others (a DenseNet's first normalisation, 128 values, counted in); the
# large ones as torchvision documents them.
@pytest.mark.parametrize(
    ("name", "stem", "classes", "parameters"),
    [
        ("resnet18", "small", 10, 11_173_962),
        ("resnet34", "small", 10, 21_282_122),
        ("resnet50", "small", 10, 23_520_842),
        ("densenet121", "small", 10, 6_956_298 + 128),
        ("resnet18", "imagenet", 1000, 11_689_512),
        ("resnet34", "imagenet", 1000, 21_797_672),
        ("resnet50", "imagenet", 1000, 25_557_032),
        ("densenet121", "imagenet", 1000, 7_978_856),
        ("densenet201", "imagenet", 1000, 20_013_928),
    ],
)
def test_it_has_as_many_parameters_as_is_known_of_it(name: str, stem: Stem, classes: int, parameters: int) -> None:
    with torch.device("meta"):
        network = _made(name, classes, stem)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "features", "stem"),
    [("resnet34", 512, "small"), ("resnet50", 2048, "imagenet"), ("densenet121", 1024, "small")],
)
def test_it_computes_what_torchvision_computes_and_pools_its_last_features(
    name: str, features: int, stem: Stem
) -> None:
    from torchvision import models

    network = _made(name, 7, stem).eval()
    theirs = models.get_model(name, num_classes=7)
    if stem == "small":
        small = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        if name.startswith("resnet"):
            theirs.conv1, theirs.maxpool = small, nn.Identity()
        else:
            theirs.features.conv0, theirs.features.pool0 = small, nn.Identity()
    theirs.load_state_dict(network.state_dict())  # strict: the same names and shapes
    x = torch.randn(2, 3, 32, 32)
    classified = network(x)
    torch.testing.assert_close(classified.logits, theirs.eval()(x))
    assert classified.features.shape == (2, features)
    assert (classified.features >= 0).all()


def test_the_published_densenet_has_1920_features_for_a_cifar_image() -> None:
    with torch.device("meta"):
        classified = _made("densenet201", 10, "small").eval()(torch.empty(1, 3, 32, 32))
    assert classified.features.shape == (1, 1920)
    assert classified.logits.shape == (1, 10)


def test_old_names_of_a_densenet_become_those_of_today() -> None:
    with torch.device("meta"):
        network = _made("densenet121", 1000, "imagenet")
    old = {
        name.replace(".norm1.", ".norm.1.")
        .replace(".norm2.", ".norm.2.")
        .replace(".conv1.", ".conv.1.")
        .replace(".conv2.", ".conv.2."): tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert modern_names(old, network).keys() == network.state_dict().keys()
