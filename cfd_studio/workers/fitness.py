"""Whether this process may still compute on its accelerator."""

import re

# As torch words them in a traceback, and as a job words them in its last sentence.
_DEVICE_ERROR = re.compile(
    r"CUDA error|AcceleratorError|cuDNN error|CUBLAS_STATUS|(cuda|mps)\S* (backend |ran )?out of memory|"
    r"out of memory on (the )?(cuda|mps|gpu)",
    re.IGNORECASE,
)


class Fitness:
    """Notes errors of the device. A process does not get over one: what it computes afterwards fails as well.

    Attributes
    ----------
    lost : bool
        Whether jobs are better off in a process of their own from now on.
    """

    def __init__(self) -> None:
        self.lost = False

    def note(self, *said: str | None) -> None:
        """Look through what a failed job or sampling request said."""
        self.lost = self.lost or any(_DEVICE_ERROR.search(text) for text in said if text)
