"""Ancestral sampling: every step draws from the reverse process of the diffusion."""

import math

from torch import Tensor

from cfd_studio.diffusion.samplers import Step


def ancestral(step: Step) -> Tensor:
    """Return the mean of the posterior with fresh noise of variance beta (Ho et al. 2020, algorithm 2).

    With a and a' for alpha_bar at the level and at the next one, the step between them has ``beta = 1 - a / a'``, and
    by eq. 7 the mean of q(z' | z, x_hat) is
    ``sqrt(a') beta / (1 - a) x_hat + sqrt(a / a') (1 - a') / (1 - a) z``.
    Of the two variances of section 3.2 this is the larger one. The last step adds no noise.
    """
    kept, kept_next = (float(step.schedule.alpha_bar[level]) for level in (step.level, step.next_level))
    beta = 1 - kept / kept_next
    of_image = math.sqrt(kept_next) * beta / (1 - kept)
    of_noisy = math.sqrt(kept / kept_next) * (1 - kept_next) / (1 - kept)
    mean = of_image * step.x_hat + of_noisy * step.z
    return mean + math.sqrt(beta) * step.fresh() if step.next_level else mean
