"""Compiling before a stage is trained: with its real batches, and without a trace in its state."""

import math
from collections.abc import Callable

from cfd_studio.engine.compiler import PLAINER, failed_to_compile, forget_failed
from cfd_studio.engine.mishaps import device_lost, forget, out_of_memory
from cfd_studio.engine.trainer import Trainer

# Which of the coming batches are worked off. A CUDA graph is warmed up with the first, recorded with the second, and
# must, replayed, find for the first what was found before.
_BATCHES = {"default": (0,), "cuda-graphs": (0, 1, 0)}
_TOLERANCE = 1e-3  # the kernels are the same; only sums that are added up in any order differ


class ReplayError(Exception):
    """CUDA graphs that return something else than what was recorded."""


def warm_up(trainer: Trainer, tell: Callable[[str], None]) -> None:
    """Compile all that a trainer passes through, or fall back to a plainer way for it and all that share its compiler.

    Nothing of the stage changes: weights, statistics, gradients, average, batches and random numbers stay. The caller
    holds the turn of the device: dropout's generator is the process's, and so is a graph that is being recorded.

    Parameters
    ----------
    trainer : Trainer
    tell : callable
        Told in a sentence where something failed.

    Raises
    ------
    RuntimeError
        Where memory runs out, or the step itself fails. CUDA graphs fail in ways that cannot be told from that: any
        other error with them is a reason to do without, and is raised if it was none.
    """
    compiler = trainer.passes.compiler
    while compiler.mode != "off":
        mode = compiler.mode
        try:
            found = [trainer.rehearse(ahead) for ahead in _BATCHES[mode]]
            _check_replay(found[0], found[-1])
            return
        except Exception as error:
            of_graphs = mode == "cuda-graphs" and not device_lost(error)
            if out_of_memory(error) or not (of_graphs or failed_to_compile(error)):
                raise
            reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            forget(error)
        compiler.mode = PLAINER[mode]
        forget_failed()
        what, instead = _SENTENCES[mode]
        tell(f"{what} ({reason}); the job goes on {instead}.")


_SENTENCES = {
    "cuda-graphs": ("CUDA graphs do not work here", "compiled without them"),
    "default": ("The networks could not be compiled", "uncompiled, which computes the same in more time"),
}


def _check_replay(first: dict[str, float], last: dict[str, float]) -> None:
    for name, value in first.items():
        both_bad = not math.isfinite(value) and not math.isfinite(last[name])  # the first step will say so
        if not both_bad and not math.isclose(value, last[name], rel_tol=_TOLERANCE):
            raise ReplayError(f"the {name} was {value:.6g}, and {last[name]:.6g} when repeated")
