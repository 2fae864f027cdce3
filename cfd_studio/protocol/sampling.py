"""What the window asks of a sampling session, and what it gets back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Draw ``count`` images of one model with one number of steps, from the noise of (seed, 0), (seed, 1), ..."""

    run: Path
    stage: str
    sampling_steps: int
    seed: int
    count: int
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """Images for a request, or the sentence that says why there are none.

    Attributes
    ----------
    images : ndarray of float32, shape (count, channels, height, width), or None
        Range [-1, 1].
    seconds_per_image : float
        Wall time of the network calls divided by the count.
    network_calls : int
        Counted, per image.
    error : str or None
        One sentence; None where there are images.
    """

    request: SampleRequest
    images: NDArray[np.float32] | None = None
    seconds_per_image: float = 0.0
    network_calls: int = 0
    error: str | None = None
