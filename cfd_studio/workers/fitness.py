"""Whether this process may still compute on its accelerator."""

import re

# As a job's or a request's last sentence words them, and as torch does in a traceback.
_DEVICE_ERROR = re.compile(
    r"cannot be used again in this process|not enough memory on (cuda|mps)|"
    r"CUDA error|AcceleratorError|CUDNN_STATUS|CUBLAS_STATUS|(CUDA|MPS backend) out of memory"
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
