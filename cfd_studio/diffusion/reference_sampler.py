"""The sampler of the published CFD code, for models that were made with it."""

from torch import Tensor

from cfd_studio.diffusion.samplers import Step


def reference(step: Step) -> Tensor:
    """Return DDIM's step with x_hat clipped, whatever the model's setting, eps of the clipped x_hat, the end clipped.

    As in the code of Sun et al. 2023 (arXiv 2211.12039), whose last level keeps a little noise.
    """
    z = step.along(step.x_hat.clamp(-1, 1))
    return z if step.next_level else z.clamp(-1, 1)
