"""Denoising diffusion implicit models: straight to the next level, or with fresh noise on the way."""

import math

from torch import Tensor

from cfd_studio.diffusion.samplers import Move, Step


def ddim(eta: float = 0.0) -> Move:
    """Return DDIM (Song et al. 2021, arXiv 2010.02502, eq. 12 and 16).

    With a and a' for alpha_bar at the level and at the next one,
    ``sigma^2 = eta^2 (1 - a') / (1 - a) (1 - a / a')`` and
    ``z' = sqrt(a') x_hat + sqrt(1 - a' - sigma^2) eps + sigma * fresh``: the noise that z' has by the schedule is
    partly that of z and partly new. Into a clean level sigma is 0.

    Parameters
    ----------
    eta : float, optional
        In [0, 1]: 0 is deterministic, 1 has the variance of the posterior q(z' | z, x).
    """

    def move(step: Step) -> Tensor:
        kept, kept_next = (float(step.schedule.alpha_bar[level]) for level in (step.level, step.next_level))
        variance = eta**2 * (1 - kept_next) / (1 - kept) * (1 - kept / kept_next)
        if not variance:
            return step.along(step.x_hat)
        eps = (step.z - math.sqrt(kept) * step.x_hat) / math.sqrt(1 - kept)
        carried = math.sqrt(1 - kept_next - variance)
        return math.sqrt(kept_next) * step.x_hat + carried * eps + math.sqrt(variance) * step.fresh()

    return move
