"""Where a sampler's name becomes the sampler; a new one is a file in `diffusion` and a line here."""

from collections.abc import Callable

from cfd_studio.diffusion.ancestral import ancestral
from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.dpm_solver import dpm_solver
from cfd_studio.diffusion.reference_sampler import reference
from cfd_studio.diffusion.samplers import Move
from cfd_studio.protocol.config import NetworkConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import Sampler, SamplerName

SAMPLERS: dict[SamplerName, Callable[[Sampler], Move]] = {
    "ddim": lambda how: ddim(how.eta),
    "ancestral": lambda _: ancestral,
    "dpm-solver++": lambda _: dpm_solver,
    "reference": lambda _: reference,
}


def check_guidance(sampler: Sampler, network: NetworkConfig, *, student: bool) -> None:
    """Make sure that a model of a run can sample with the sampler's guidance.

    Raises
    ------
    CfdError
        Where the models know of no classes, or only of classes, or it is a student: what guidance its stage gave it, it
        has learnt by heart, and would add a second time.
    """
    if sampler.guidance != 1 and not network.null_label:
        why = "never learnt to draw without a class" if network.conditional else "know of no classes"
        raise CfdError(f"the models of this run cannot be guided: they {why}", advice="Use guidance 1.")
    if sampler.guidance != 1 and student:
        raise CfdError(
            "a student is not guided: it has learnt what guidance its stage has",
            advice="Use guidance 1, or guide the teacher.",
        )
