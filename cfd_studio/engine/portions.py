"""How many images a network is given at once where nobody has chosen a batch size."""

from collections.abc import Iterator

from torch import Tensor, nn

from cfd_studio.data.images import to_float
from cfd_studio.networks.classifiers import Classifier
from cfd_studio.networks.inputs import ClassifierInput

MOST = 1000  # images of 32x32 as floating-point numbers
_PIXELS = 32 * 32


def images_at_once(most: int, side_height: int, side_width: int) -> int:
    """Return how many images to take at once: ``most``, and of larger ones than 32x32 fewer, so that as many pixels.

    Parameters
    ----------
    most : int
        Above 0.
    side_height, side_width : int
        Of an image as the network sees it, in pixels.

    Returns
    -------
    int
        From 1 to ``most``.
    """
    return max(1, min(most, most * _PIXELS // (side_height * side_width)))


def for_classifier(classifier: nn.Module, images: Tensor, device: str) -> Iterator[Tensor]:
    """Yield uint8 images of shape (N, C, H, W) on a device in [-1, 1], as few at once as the size it resizes to asks.

    They are moved and become floating-point numbers part by part.
    """
    assert isinstance(classifier, Classifier)
    assert isinstance(classifier.input, ClassifierInput)
    height, width = images.shape[-2:]
    side = classifier.input.size
    for part in images.split(images_at_once(MOST, side or height, side or width)):
        yield to_float(part.to(device))
