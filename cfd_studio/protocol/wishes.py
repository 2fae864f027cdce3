"""What is to be measured of trained models, where that is not what a run's config says."""

from dataclasses import dataclass

from cfd_studio.protocol.sampling import Sampler


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which models are to be measured, and how; what is empty or None is as the run's config says.

    Attributes
    ----------
    stages : tuple of str
    steps : tuple of int
    own : bool
        Students at their own step count and with the first sampler only.
    samples : int or None
    samplers : tuple of Sampler
    inception : bool
    """

    stages: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()
    own: bool = False
    samples: int | None = None
    samplers: tuple[Sampler, ...] = ()
    inception: bool = False
