"""Batch normalisation of a frozen network, folded into the convolutions before it."""

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cfd_studio.networks.classifiers import Classifier


class _Tracer(fx.Tracer):
    """Follows a classifier from what it is fed on; what is done to images before depends on their shape."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return name == "input" or super().is_leaf_module(module, name)


def fold_batch_normalization(network: Classifier) -> None:
    """Let each convolution do the work of the batch normalisation that alone follows it; the network is changed.

    With running mean m and variance v, ``(W x - m) / sqrt(v + e) * g + b`` is a convolution with the weights
    ``W g / sqrt(v + e)`` and the bias ``b - m g / sqrt(v + e)``. A normalisation whose input others see too, or that
    follows no convolution (as before the first activation of a dense layer), stays.

    Parameters
    ----------
    network : Classifier
        In evaluation mode; its outputs change by rounding only.
    """
    assert not network.training
    modules = dict(network.named_modules())
    for convolution, normalization in _pairs(network, modules):
        _replace(network, convolution, fuse_conv_bn_eval(modules[convolution], modules[normalization]))
        _replace(network, normalization, nn.Identity())


def _pairs(network: nn.Module, modules: dict[str, nn.Module]) -> list[tuple[str, str]]:
    """Return the names of convolutions and of what normalises their output and nothing else."""
    found = []
    for node in _Tracer().trace(network).nodes:
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm2d):
            continue
        before = node.args[0]
        if before.op == "call_module" and isinstance(modules[before.target], nn.Conv2d) and len(before.users) == 1:
            found.append((before.target, node.target))
    return found


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    path, _, last = name.rpartition(".")
    setattr(network.get_submodule(path), last, module)
