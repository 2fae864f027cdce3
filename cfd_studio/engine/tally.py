"""The scalars of a step, gathered on the device and read with one wait for it; and the guard against NaN."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cfd_studio.engine.gauges import read as read_gauges


@dataclass(frozen=True, slots=True)
class Point:
    """Means over the steps since the last point.

    Attributes
    ----------
    terms : dict of str to float
    gradient_norm : float
    quarters, vitals : dict of str to float
        See `cfd_studio.protocol.events.LossLogged`.
    images : int
        Seen since the last point.
    bad_step : int or None
        The first step at which something was not finite.
    bad_names : tuple of str
        What was not finite there: terms, ``gradient norm``.
    """

    terms: dict[str, float]
    gradient_norm: float
    quarters: dict[str, float]
    vitals: dict[str, float]
    images: int
    bad_step: int | None
    bad_names: tuple[str, ...]


class Tally:
    """Gathers without waiting for the device.

    Attributes
    ----------
    tripped : Tensor of float32, scalar
        0, and 1 from the first step on at which a term or the gradient norm was not finite. Optimizer and EMA take it
        as a mask, so that the last good weights stay what they were until the host reads it.
    """

    def __init__(self, device: torch.device) -> None:
        self.tripped = torch.zeros((), dtype=torch.float32, device=device)
        self._when = torch.zeros((), device=device)  # which step since the last point it was, counted from 0
        self._bad: Tensor | None = None
        self._sums: Tensor | None = None
        self._gauges: Tensor | None = None
        self._names: list[str] = []
        self._begin(0)

    def add(
        self, terms: dict[str, Tensor], gradient_norm: Tensor, step: int, images: int, gauges: Tensor | None = None
    ) -> None:
        """Add one step's scalars and gauges, detached; ``step`` is its number, counted from 1."""
        if self._sums is None:
            self._begin(step)
        row = torch.stack([*terms.values(), gradient_norm])
        bad = ~torch.isfinite(row)
        first = bad.any() & (self.tripped == 0)
        self._bad = torch.where(first, bad, False if self._bad is None else self._bad)
        self._when = torch.where(first, self._steps, self._when)
        self.tripped = torch.maximum(self.tripped, first.to(self.tripped.dtype))
        self._sums = row if self._sums is None else self._sums + row
        if gauges is not None:
            self._gauges = gauges if self._gauges is None else self._gauges + gauges
        self._names = list(terms)
        self._steps += 1
        self._images += images

    def read(self) -> Point | None:
        """Return the point and begin the next; None where no step was added. This is the one wait for the device."""
        if self._sums is None or self._bad is None:
            return None
        count = len(self._sums)
        state = torch.stack([self._when, self.tripped])
        told = [self._sums / self._steps, self._bad.to(self._sums), state.to(self._sums)]
        if self._gauges is not None:
            told.append(self._gauges.to(self._sums))
        values = torch.cat(told).tolist()
        means, bad, (when, tripped, *gauges) = values[:count], values[count : 2 * count], values[2 * count :]
        quarters, vitals = read_gauges(gauges) if gauges else ({}, {})
        names = [*self._names, "gradient norm"]
        point = Point(
            terms=dict(zip(self._names, means, strict=False)),
            gradient_norm=means[-1],
            quarters=quarters,
            vitals=vitals,
            images=self._images,
            bad_step=self._first_step + int(when) if tripped else None,
            bad_names=tuple(name for name, is_bad in zip(names, bad, strict=True) if is_bad),
        )
        self._sums = self._gauges = None
        return point

    def _begin(self, step: int) -> None:
        self._first_step = step
        self._steps = 0
        self._images = 0
