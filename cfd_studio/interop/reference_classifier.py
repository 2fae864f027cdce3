"""The classifiers of the published CFD code: which architecture, and their weights under torchvision's names."""

import re
from dataclasses import dataclass

from cfd_studio.interop.state import Misfit, State
from cfd_studio.protocol.stages import Architecture

# Residual blocks of each layer, and whether they are bottlenecks (He et al. 2016, table 1).
_RESNETS: dict[tuple[tuple[int, ...], bool], Architecture] = {
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
}
# Layers of each dense block (Huang et al. 2017, table 1).
_DENSENETS: dict[tuple[int, ...], Architecture] = {
    (6, 12, 24, 16): "densenet121",
    (6, 12, 48, 32): "densenet201",
}
_DENSE_NAMES = (
    (re.compile(r"(?:features\.)?block([1-4])\."), r"features.denseblock\1."),
    (re.compile(r"(?:features\.)?trans([1-3])\."), r"features.transition\1."),
    (re.compile(r"(?:features\.)?final_norm\."), "features.norm5."),
    (re.compile(r"(?:features\.)?(conv0|norm0)\."), r"features.\1."),
    (re.compile(r"fc\."), "classifier."),
)
_SMALL_STEM = 3
_FOUR = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class ClassifierLayout:
    """Everything that shapes the network but the side of its images, which the file does not show."""

    architecture: Architecture
    image_channels: int
    classes: int


def read_classifier(state: State) -> tuple[ClassifierLayout, State]:
    """Return the architecture that a state dict describes, and its tensors by torchvision's names.

    Raises
    ------
    Misfit
        Where it is none of the published classifiers.
    """
    dense = any("denselayer" in name for name in state)
    weights = {_torchvision_name(name): tensor for name, tensor in state.items()} if dense else state
    if len(weights) < len(state):
        raise Misfit("has two tensors of one name")
    stem, last = ("features.conv0.weight", "classifier.weight") if dense else ("conv1.weight", "fc.weight")
    if missing := [name for name in (stem, last) if name not in weights]:
        raise Misfit(f"lacks {', '.join(missing)}")
    if weights[stem].ndim != 4 or weights[last].ndim != 2:
        raise Misfit(f"has an unfit {stem} or {last}")
    if weights[stem].shape[-1] != _SMALL_STEM:
        raise Misfit(f"begins with a convolution of {weights[stem].shape[-1]} pixels; the published ones have 3")
    if dense:
        found = _DENSENETS.get(tuple(_counted(weights, rf"features\.denseblock{n}\.denselayer(\d+)\.") for n in _FOUR))
    else:
        depth = tuple(_counted(weights, rf"layer{n}\.(\d+)\.") for n in _FOUR)
        found = _RESNETS.get((depth, "layer1.0.conv3.weight" in weights))
    if found is None:
        raise Misfit("is a classifier of another depth than the published ones")
    return ClassifierLayout(found, int(weights[stem].shape[1]), int(weights[last].shape[0])), weights


def _torchvision_name(name: str) -> str:
    for pattern, replacement in _DENSE_NAMES:
        if found := pattern.match(name):
            return found.expand(replacement) + name[found.end() :]
    return name


def _counted(weights: State, pattern: str) -> int:
    return len({found[1] for name in weights if (found := re.match(pattern, name))})
