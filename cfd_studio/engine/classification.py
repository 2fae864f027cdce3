"""What a classifier minimises."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.data.augment import PLAIN, Augment
from cfd_studio.data.images import ImageSet, to_float
from cfd_studio.engine.audience import ALONE
from cfd_studio.engine.batch import Batch, Gather
from cfd_studio.engine.objectives import HeldOutLoss, Note, Terms
from cfd_studio.engine.portions import images_at_once
from cfd_studio.networks.inputs import ClassifierInput

MEASURED_AT_ONCE = 1000


class ClassifierObjective:
    """Cross-entropy.

    Parameters
    ----------
    augment : Augment, optional
        What is done to the training images.
    label_smoothing : float, optional
        Share of the target that is spread over all classes, in training only.
    """

    gathers = False
    foresees = False

    def __init__(self, augment: Augment = PLAIN, label_smoothing: float = 0.0) -> None:
        self._augment = augment
        self._label_smoothing = label_smoothing

    def draw(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Batch:
        """Augment the images."""
        return Batch(self._augment(images, generator), labels)

    def foresee(self, batch: Batch) -> Batch:
        """Return the batch as it is."""
        return batch

    def terms(self, network: nn.Module, batch: Batch, gather: Gather, note: Note | None = None) -> Terms:  # noqa: ARG002
        """Return the mean cross-entropy in nats."""
        assert batch.labels is not None
        logits = network(batch.images).logits
        return {"cross-entropy": functional.cross_entropy(logits, batch.labels, label_smoothing=self._label_smoothing)}

    @torch.no_grad()
    def held_out(
        self,
        network: nn.Module,
        images: ImageSet,
        seed: int,  # noqa: ARG002
        between: Callable[[], None] = ALONE.poll,
    ) -> HeldOutLoss:
        """Return cross-entropy and accuracy, of images as they are and labels unsmoothed."""
        device = next(network.parameters()).device
        said: list[Tensor] = []
        for part in images.images.split(images_at_once(MEASURED_AT_ONCE, *_seen(network, images))):
            if said:
                between()
            said.append(network(to_float(part.to(device))).logits)
        logits, labels = torch.cat(said), images.labels.to(device)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return HeldOutLoss(float(functional.cross_entropy(logits, labels)), float(accuracy))


def _seen(network: nn.Module, images: ImageSet) -> tuple[int, int]:
    """Return height and width of the images, or of what a classifier makes of them where that is larger."""
    _, height, width = images.shape
    size = max((one.size or 0 for one in network.modules() if isinstance(one, ClassifierInput)), default=0)
    return max(height, size), max(width, size)
