"""What can be plotted of a stage, each in a line."""

from collections.abc import Callable
from dataclasses import dataclass

from cfd_studio.gui.models.snapshot import Curve, StageSnapshot


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that changes while a stage is trained.

    Attributes
    ----------
    words, tip : str
        The button, and what it shows.
    curves : callable
        Returns its curves by name.
    log : bool
        Whether a logarithmic axis is what it is usually read on.
    noisy : tuple of str or None
        The curves to be smoothed; None is all of them.
    spiky : bool
        Whether it may have outliers that ruin a range.
    """

    words: str
    tip: str
    curves: Callable[[StageSnapshot], dict[str, Curve]]
    log: bool = False
    noisy: tuple[str, ...] | None = None
    spiky: bool = True

    def smooths(self, name: str) -> bool:
        """Tell whether a curve of it is smoothed."""
        return self.noisy is None or name in self.noisy


QUANTITIES = {
    "loss": Quantity(
        "Loss",
        "Loss on training images, and on images that are not trained on",
        lambda stage: {"Loss": stage.loss, "Held-out": stage.held_out},
        log=True,
        noisy=("Loss",),
    ),
    "accuracy": Quantity(
        "Accuracy",
        "Share of the images not trained on that the classifier names rightly",
        lambda stage: {"Accuracy": stage.accuracies},
        noisy=(),
        spiky=False,
    ),
    "terms": Quantity("Terms", "What each term adds to the loss", lambda stage: stage.terms, log=True),
    "gradients": Quantity(
        "Gradients", "L2 norm of the gradient of each term of the loss", lambda stage: stage.gradient_norms, log=True
    ),
    "quarters": Quantity(
        "Noise levels",
        "Loss on each quarter of the noise levels that are drawn, by log-SNR: from hardly noisy to little but noise",
        lambda stage: stage.quarters,
        log=True,
    ),
    "vitals": Quantity(
        "Images",
        "What the model's own images look like: the share of saturated values, and the mean brightness",
        lambda stage: stage.vitals,
    ),
    "rate": Quantity(
        "Learning rate",
        "Learning rate of the optimizer",
        lambda stage: {"Learning rate": stage.learning_rate},
        noisy=(),
        spiky=False,
    ),
    "pace": Quantity("Speed", "Training images per second", lambda stage: {"Images/s": stage.pace}),
}


def offered(stage: StageSnapshot) -> set[str]:
    """Return the keys of the quantities of which a stage has any point."""
    return {key for key, quantity in QUANTITIES.items() if any(len(curve) for curve in quantity.curves(stage).values())}
