"""All weights of a network in one piece of memory: moved by one kernel, and not by one for each."""

import torch
from torch import Tensor, nn

Moments = dict[int, dict[str, Tensor]]  # what an optimizer holds, by the index of the weight


class Gathered:
    """The weights of a network, one behind the other. Its parameters become views of them, and keep their values.

    Parameters
    ----------
    network : nn.Module
        Its parameters are contiguous and of one dtype.

    Attributes
    ----------
    whole : nn.Parameter
        Shape (weights in all,).
    """

    def __init__(self, network: nn.Module) -> None:
        self._parts = list(network.parameters())
        self.whole = nn.Parameter(torch.cat([part.detach().flatten() for part in self._parts]))
        for part, view in zip(self._parts, self._views(self.whole.detach()), strict=True):
            part.data = view

    def gather_gradient(self) -> None:
        """Let the whole have the gradient that the parameters have, each of which has one."""
        gradients = [part.grad for part in self._parts]
        self.whole.grad = torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])

    def apart(self, moments: Moments) -> Moments:
        """Return what an optimizer of the whole holds as one of the parameters would hold it; views of what is long."""
        if not moments:
            return {}
        (held,) = moments.values()
        own: Moments = {index: {} for index in range(len(self._parts))}
        for name, value in held.items():
            # An optimizer counts the steps of every parameter by itself: one count for all would grow once for each.
            alike = value.shape == self.whole.shape
            values = self._views(value) if alike else [value.clone() for _ in self._parts]
            for index, part in enumerate(values):
                own[index][name] = part
        return own

    def together(self, moments: Moments) -> Moments:
        """Return what an optimizer of the parameters holds as one of the whole would hold it."""
        if not moments:
            return {}
        each, shape = [moments[index] for index in range(len(self._parts))], self._parts[0].shape
        return {
            0: {
                name: torch.cat([held[name].flatten() for held in each]) if value.shape == shape else value
                for name, value in each[0].items()
            }
        }

    def _views(self, whole: Tensor) -> list[Tensor]:
        pieces = whole.split([part.numel() for part in self._parts])
        return [piece.view(part.shape) for piece, part in zip(pieces, self._parts, strict=True)]
