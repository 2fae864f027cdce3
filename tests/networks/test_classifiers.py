"""Both classifiers return logits and pooled features."""

import pytest
import torch
from torch import nn

from cfd_studio.networks.classifiers import ConvolutionalClassifier, PerceptronClassifier


@pytest.fixture(params=["cnn", "mlp"])
def classifier(request: pytest.FixtureRequest) -> nn.Module:
    made = ConvolutionalClassifier(1, 10, 24, 0.5) if request.param == "cnn" else PerceptronClassifier(64, 10, 24, 0.5)
    return made.eval()


def test_features_are_pooled_and_not_negative(classifier: nn.Module) -> None:
    logits, features = classifier(torch.randn(5, 1, 8, 8))
    assert logits.shape == (5, 10)
    assert features.shape == (5, 24)
    assert (features >= 0).all()
    assert (features > 0).any()


def test_the_logits_are_linear_in_the_features(classifier: nn.Module) -> None:
    logits, features = classifier(torch.randn(5, 1, 8, 8))
    torch.testing.assert_close(logits, features @ classifier.out.weight.T + classifier.out.bias)


def test_the_features_carry_a_gradient_to_the_image(classifier: nn.Module) -> None:
    x = torch.randn(3, 1, 8, 8, requires_grad=True)
    classifier.requires_grad_(False)(x).features.square().sum().backward()
    assert x.grad is not None
    assert (x.grad.flatten(1).abs().amax(1) > 0).all()


def test_dropout_leaves_the_features_alone(classifier: nn.Module) -> None:
    x = torch.randn(4, 1, 8, 8)
    for module in classifier.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    first, second = classifier(x), classifier(x)
    assert torch.equal(first.features, second.features)
    assert not torch.equal(first.logits, second.logits)


def test_the_convolutional_one_pools_over_any_size() -> None:
    network = ConvolutionalClassifier(3, 7, 16, 0.0).eval()
    for side in (8, 16, 32):
        logits, features = network(torch.randn(2, 3, side, side))
        assert logits.shape == (2, 7)
        assert features.shape == (2, 16)
