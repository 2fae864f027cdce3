"""What a classifier is fed, against closed forms."""

import pytest
import torch

from cfd_studio.networks.classifiers import ConvolutionalClassifier
from cfd_studio.networks.inputs import ClassifierInput

MOMENTS = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


def test_without_a_wish_images_pass_as_they_are_and_nothing_is_kept() -> None:
    made = ClassifierInput(3)
    x = torch.randn(2, 3, 5, 5)
    assert made(x) is x
    assert not made.state_dict()


def test_normalisation_is_that_of_images_in_zero_to_one() -> None:
    made = ClassifierInput(3, moments=MOMENTS)
    mean, deviation = (torch.tensor(one).view(3, 1, 1) for one in MOMENTS)
    assert torch.equal(made(2 * mean[None] - 1), torch.zeros(1, 3, 1, 1))
    torch.testing.assert_close(made((2 * (mean + deviation) - 1)[None]), torch.ones(1, 3, 1, 1))
    white = made(torch.ones(1, 3, 1, 1)).flatten().tolist()
    assert white == pytest.approx([(1 - m) / d for m, d in zip(*MOMENTS, strict=True)], rel=1e-6)
    assert set(made.state_dict()) == {"mean", "deviation"}


def test_past_the_normalisation_images_are_still_resized() -> None:
    straight = ClassifierInput(3, 4, MOMENTS).without_normalization()
    x = torch.full((1, 3, 8, 8), -0.25)
    assert torch.equal(straight(x), torch.full((1, 3, 4, 4), -0.25))


def test_shrinking_is_antialiased_and_resizing_carries_a_gradient() -> None:
    x = torch.zeros(1, 1, 16, 16)
    x[..., ::4] = 1.0  # stripes between which a plain bilinear reading would look
    small = ClassifierInput(1, 4)(x)
    assert (small - 0.25).abs().max() < 0.1
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    ClassifierInput(3, 13, MOMENTS)(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


def test_grey_becomes_colour_before_it_is_normalised() -> None:
    x = torch.rand(2, 1, 4, 4) * 2 - 1
    fed = ClassifierInput(3, moments=MOMENTS)(x)
    assert torch.equal(fed, ClassifierInput(3, moments=MOMENTS)(x.repeat(1, 3, 1, 1)))


def test_what_was_measured_takes_the_place_of_what_was_there() -> None:
    made = ClassifierInput(1, moments=((0.5,), (0.5,)))
    made.set_moments(((0.25,), (2.0,)))
    assert made(torch.ones(1, 1, 1, 1)).item() == 0.375


def test_a_classifier_sees_what_its_input_gives_it_and_keeps_its_names() -> None:
    network = ConvolutionalClassifier(3, 10, 8, 0.0).eval()
    names = set(network.state_dict())
    x = torch.rand(2, 3, 8, 8) * 2 - 1
    plain = network(x)
    network.input = ClassifierInput(3, moments=MOMENTS)
    assert set(network.state_dict()) == names | {"input.mean", "input.deviation"}
    assert not torch.equal(network(x).logits, plain.logits)
    network.input = network.input.without_normalization()
    assert torch.equal(network(x).logits, plain.logits)
    assert set(network.state_dict()) == names
