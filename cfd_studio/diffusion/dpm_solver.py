"""DPM-Solver++ (2M): the training-free solver for few steps that distillation has to beat."""

from torch import Tensor

from cfd_studio.diffusion.samplers import Step


def dpm_solver(step: Step) -> Tensor:
    """Return one step of DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2).

    With lambda = log(signal / noise), h and h_before the lengths of this step and of the one before in lambda, and
    r = h_before / h, the estimate is extended to the middle of the step,
    ``D = (1 + 1 / (2 r)) x_hat - 1 / (2 r) x_hat_before``, and
    ``z' = noise' / noise z - signal' (exp(-h) - 1) D``. As exp(-h) = noise' signal / (noise signal'), that is
    ``noise' / noise (z - signal D) + signal' D``: the step of DDIM with D in place of x_hat.

    The first step has no step before. The last one is of first order too, as is custom for few steps: into a clean
    level h is infinite, and D would be far from every image. Measured with the exact teacher of a mixture around real
    digits, 2 to 12 levels evenly spaced in time came closer to the exact flow than evenly spaced in lambda, where the
    first steps go to levels of the cosine schedule that hold nothing but noise.
    """
    if step.before is None or not step.next_level:
        return step.along(step.x_hat)
    level_before, x_before = step.before
    before, here, there = (float(step.schedule.log_snr[level]) for level in (level_before, step.level, step.next_level))
    # log_snr = 2 lambda: the halves cancel in h / h_before.
    return step.along(step.x_hat + (there - here) / (2 * (here - before)) * (step.x_hat - x_before))
