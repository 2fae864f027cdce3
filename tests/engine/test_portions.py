"""How many images are taken at once."""

import pytest
import torch
from torch import Tensor

from cfd_studio.data.images import ImageSet, to_float
from cfd_studio.engine.audience import Audience
from cfd_studio.engine.evaluation import accuracy
from cfd_studio.engine.portions import for_classifier, images_at_once
from cfd_studio.engine.spaces import _classify
from cfd_studio.engine.turns import Turns
from cfd_studio.networks.classifiers import ConvolutionalClassifier
from cfd_studio.networks.inputs import ClassifierInput


@pytest.mark.parametrize(
    ("most", "height", "width", "expected"),
    [(1000, 8, 8, 1000), (1000, 32, 32, 1000), (512, 64, 64, 128), (1000, 32, 64, 500), (512, 4096, 4096, 1)],
)
def test_as_many_pixels_are_taken_at_once_as_of_small_images_and_at_least_one_image(
    most: int, height: int, width: int, expected: int
) -> None:
    assert images_at_once(most, height, width) == expected


@pytest.mark.parametrize(("side", "size", "expected"), [(8, None, 40), (8, 224, 20), (256, None, 15), (256, 32, 40)])
def test_a_classifier_is_given_images_by_the_size_that_it_resizes_them_to(
    side: int, size: int | None, expected: int
) -> None:
    classifier = ConvolutionalClassifier(1, 10, 4, 0.0)
    classifier.input = ClassifierInput(1, size)
    images = torch.randint(0, 256, (40, 1, side, side), dtype=torch.uint8)
    parts = list(for_classifier(classifier, images, "cpu"))
    assert max(map(len, parts)) == expected
    assert torch.equal(torch.cat(parts), to_float(images))


def test_a_judge_that_enlarges_images_sees_few_at_once_and_says_of_all_what_it_says_of_each() -> None:
    classifier = ConvolutionalClassifier(1, 10, 4, 0.0).eval()
    classifier.input = ClassifierInput(1, 128)
    fed: list[int] = []
    classifier.body.register_forward_pre_hook(lambda _, x: fed.append(len(x[0])))
    images = torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8)
    heard: list[Tensor] = []
    features = _classify(classifier, images, lambda: heard.append(images)).features
    assert fed == [62, 8]
    assert len(heard) == 2
    with torch.no_grad():
        torch.testing.assert_close(features, classifier(to_float(images)).features)


def test_an_accuracy_holds_the_turn_of_the_device_while_it_computes_and_lets_others_have_theirs_between() -> None:
    classifier = ConvolutionalClassifier(1, 10, 4, 0.0).eval()
    classifier.input = ClassifierInput(1, 128)
    turns, seen = Turns(), []
    classifier.body.register_forward_pre_hook(lambda *_: seen.append(("computes", turns._taken)))
    audience = Audience(turns, poll=lambda: seen.append(("listens", turns._taken)))
    images = ImageSet(torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8), torch.arange(70) % 10)
    assert 0 <= accuracy(classifier, images, "cpu", audience) <= 1
    assert seen == [("listens", False), ("computes", True)] * 2
    assert not turns._taken
