"""What torch.compile is asked for, what of its failures are its own, and what it leaves behind."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from cfd_studio.protocol.fast_paths import Compilation

Translate = Callable[[nn.Module], Callable[..., Any]]
# Shapes are those of one stage and never change: what holds for some of them need not hold for all.
TRANSLATIONS: dict[Compilation, Translate] = {
    "default": partial(torch.compile, dynamic=False),
    "cuda-graphs": partial(torch.compile, dynamic=False, mode="reduce-overhead"),
}
PLAINER: dict[Compilation, Compilation] = {"cuda-graphs": "default", "default": "off"}
# All stages of a job share the code of a network; with gradient and without, for shares of two sizes, with dropout and
# without, of rounded weights and of others, it is translated anew. Beyond torch's 8 it would go on uncompiled unasked.
_VARIANTS = 64
_OWN = ("torch._dynamo.", "torch._inductor.", "triton.")


class Compiler:
    """How far the networks of a job are compiled.

    Parameters
    ----------
    mode : {"off", "default", "cuda-graphs"}

    Attributes
    ----------
    mode
        Whoever sees one fail sets a plainer one; all networks follow.
    """

    def __init__(self, mode: Compilation) -> None:
        self.mode: Compilation = mode

    def translate(self, network: nn.Module) -> Callable[..., Any]:
        """Return what a network is called by; the work is done at its first call with every shape."""
        if self.mode == "off":
            return network
        _allow_what_stages_need()
        return TRANSLATIONS[self.mode](network)

    def begin_step(self) -> None:
        """Say that nothing of the optimizer step before is needed any more.

        Without a word CUDA graphs take each pass for a step of its own, and overwrite what the one before returned: the
        teacher's first estimate, for example, with the second.
        """
        if self.mode == "cuda-graphs":
            torch.compiler.cudagraph_mark_step_begin()


def _allow_what_stages_need() -> None:
    """Set what torch keeps for each thread."""
    from torch._dynamo import config
    from torch._functorch import config as backward_config

    config.recompile_limit = _VARIANTS
    # It would split networks for the exchange between ranks, but not those that are compiled ahead.
    config.optimize_ddp = False
    # A backward pass that overwrites what was kept for it could not be run again, for each term's own gradient.
    backward_config.donated_buffer = False


def failed_to_compile(error: BaseException) -> bool:
    """Tell whether an error is the compiler's and not that of what it compiles."""
    return any(kind.__module__.startswith(_OWN) for kind in type(error).__mro__)


_guard = threading.Lock()
_users = 0


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Release what was compiled in this process once nobody is left who is in here."""
    global _users
    with _guard:
        _users += 1
    try:
        yield
    finally:
        with _guard:
            _users -= 1
            if not _users:
                forget_compiled()


def forget_failed() -> None:
    """Release what was compiled in vain, unless another job has compiled something too."""
    with _guard:
        if _users < 2:
            forget_compiled()


def forget_compiled() -> None:
    """Release what was compiled in this process; what is called again is compiled again."""
    dynamo: Any = sys.modules.get("torch._dynamo")  # takes a second to import, and most jobs compile nothing
    if dynamo is not None:
        # Before torch 2.15 CUDA graphs are known to the first thread only that uses them, and asserted in others.
        with contextlib.suppress(AssertionError):
            dynamo.reset()
