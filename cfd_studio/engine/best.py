"""The weights of the best epoch so far."""

import copy
from typing import Any

from torch import nn


class Best:
    """A frozen copy of a network as it was when it named most validation images rightly.

    Parameters
    ----------
    network : nn.Module
        Copied; it stands for the best until a first one is offered.

    Attributes
    ----------
    accuracy : float
        Of those weights, in [0, 1]; -1 before the first offer.
    step : int
        The optimizer step after which they were offered.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.accuracy = -1.0
        self.step = 0

    def offer(self, network: nn.Module, accuracy: float, step: int) -> None:
        """Copy a network's weights if they are better than all before; equal ones are not."""
        if accuracy > self.accuracy:
            self.network.load_state_dict(network.state_dict())
            self.accuracy, self.step = accuracy, step

    def capture(self) -> dict[str, Any]:
        """Return everything that `restore` needs, as tensors and plain values."""
        return {"network": self.network.state_dict(), "accuracy": self.accuracy, "step": self.step}

    def restore(self, captured: dict[str, Any]) -> None:
        """Go back to a captured state.

        Raises
        ------
        ValueError, KeyError, RuntimeError, TypeError, AttributeError
            Where it is none, or one of another network.
        """
        accuracy, step = captured["accuracy"], captured["step"]
        if type(accuracy) is not float or type(step) is not int or not -1 <= accuracy <= 1 or step < 0:
            raise ValueError("the best epoch has an accuracy and a step")
        self.network.load_state_dict(captured["network"])
        self.accuracy, self.step = accuracy, step
