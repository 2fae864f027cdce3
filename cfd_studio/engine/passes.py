"""How a network is passed through: in which number format and layout, compiled or not. What it means stays the same."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from cfd_studio.engine.compiler import Compiler
from cfd_studio.networks.blocks import Attention, Edge
from cfd_studio.networks.classifiers import Classifier
from cfd_studio.networks.folding import fold_batch_normalization
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import UNCHOSEN, FastPaths, Precision

_CONVERTED = (nn.Conv2d, nn.Linear)  # what autocast converts at every pass anyway


@dataclass(frozen=True, slots=True)
class Passes:
    """The fast paths of network passes on one device.

    Attributes
    ----------
    device : str
    precision : {"float32", "tf32", "bfloat16"}
    fast : FastPaths
    compiler : Compiler
        Of all networks that are passed through in this way; it begins as ``fast`` says.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    fast: FastPaths = UNCHOSEN
    compiler: Compiler = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiler", Compiler(self.fast.compilation))

    @classmethod
    def of(cls, plan: ExecutionPlan) -> "Passes":
        """Return the passes of a plan."""
        return cls(plan.device, plan.precision, plan.fast)

    def eager(self) -> "Passes":
        """Return the same without compiling: for networks that are passed through a few times only."""
        return replace(self, fast=self.fast.uncompiled())

    def of_classifiers(self) -> "Passes":
        """Return how classifiers are trained: uncompiled, and more exactly than with bfloat16.

        Through batch normalisation a rounding error grows from layer to layer: at the start of a ResNet-18 bfloat16
        makes the gradient wrong by a quarter.
        """
        return replace(self.eager(), precision=exact(self.precision, self.device))

    def of_students(self, precision: Precision) -> "Passes":
        """Return how students are trained, in a precision of their own."""
        passes = replace(self, precision=precision)
        object.__setattr__(passes, "compiler", self.compiler)  # where it fails for one stage, it does for all
        return passes

    def arrange(self, network: nn.Module) -> None:
        """Lay a network that is to be trained out as its passes want it; its values stay."""
        if self.fast.channels_last == "all":
            network.to(memory_format=torch.channels_last)
        _choose_attention(network, fused=self.fast.fused_attention)

    def trained(self, network: nn.Module) -> nn.Module:
        """Return what an arranged network is called by while it is trained, or measured."""
        return self._wrapped(network)

    def frozen(self, network: nn.Module) -> nn.Module:
        """Return what a network is called by that is never trained again; the network itself is changed.

        Its weights are rounded once to what they would be rounded to at every pass, and batch normalisation is folded.
        """
        network.eval().requires_grad_(not self.fast.frozen_without_gradients)
        if self.fast.folded_normalization and isinstance(network, Classifier):
            fold_batch_normalization(network)
        if self.fast.channels_last != "none":
            network.to(memory_format=torch.channels_last)
        _choose_attention(network, fused=self.fast.fused_attention)
        if self.precision == "bfloat16":
            for module in network.modules():
                if isinstance(module, _CONVERTED) and not isinstance(module, Edge):
                    module.to(torch.bfloat16)
        return self._wrapped(network)

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Let matrix products on CUDA round their factors to TF32, or forbid it, and give the settings back after.

        The settings are the process's: whoever enters this holds the turn of the device.
        """
        if not self.device.startswith("cuda"):
            yield
            return
        # Not through fp32_precision: torch.compile still reads these, and refuses to where the other was written.
        places: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
        before = [place.allow_tf32 for place in places]
        for place in places:
            place.allow_tf32 = self.precision != "float32"
        try:
            yield
        finally:
            for place, value in zip(places, before, strict=True):
                place.allow_tf32 = value

    def _wrapped(self, network: nn.Module) -> nn.Module:
        if self.precision == "float32" and self.fast.compilation == "off" and not self.device.startswith("cuda"):
            return network
        return Pass(network, self)


class Pass(nn.Module):
    """A network as it is called: with bfloat16 where that is asked for, and compiled as far as its compiler goes.

    Parameters
    ----------
    network : nn.Module
    passes : Passes
    """

    def __init__(self, network: nn.Module, passes: Passes) -> None:
        super().__init__()
        self.network = network
        self._passes = passes
        self._kind = torch.device(passes.device).type
        self._translated: tuple[str, Callable[..., Any]] = "off", network  # a tuple, so that it is no part of this

    def forward(self, *inputs: Tensor) -> Any:
        """Pass inputs through the network."""
        compiler = self._passes.compiler
        if compiler.mode != self._translated[0]:
            self._translated = compiler.mode, compiler.translate(self.network)
        with self._passes.arithmetic(), self._autocast():
            return self._translated[1](*inputs)

    def _autocast(self) -> AbstractContextManager[None]:
        if self._passes.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self._kind, torch.bfloat16)


def _choose_attention(network: nn.Module, *, fused: bool) -> None:
    for module in network.modules():
        if isinstance(module, Attention):
            module.fused = fused


def exact(precision: Precision, device: str) -> Precision:
    """Return what comes nearest to a precision and rounds less than bfloat16 does."""
    return "tf32" if precision != "float32" and device.startswith("cuda") else "float32"


PLAIN = Passes()
