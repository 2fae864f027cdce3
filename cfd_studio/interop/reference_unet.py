"""The U-Net of the published CFD code: its architecture from names and shapes, its weights under our names.

Both networks compute the same; they differ in names, in that ours computes query, key and value with one convolution,
and in that ours computes the sinusoids of a level, of which the published code keeps a table.
"""

from dataclasses import dataclass
from itertools import count, takewhile

import torch
from pydantic import ValidationError
from torch import Tensor

from cfd_studio.interop.state import Misfit, State, compare
from cfd_studio.networks.blocks import level_waves, wave_rates
from cfd_studio.networks.unet import UNet
from cfd_studio.protocol.config import NetworkConfig

TABLE = "time_embedding.timembedding.0.weight"
RATE = "level_embedding.rate"
NORM_GROUPS = 32
# A float32 sinusoid of level t is wrong by some 6e-8 * t, in their table as in ours.
TABLE_TOLERANCE, EXACT_LEVELS = 1e-4, 1024
_OUTER = {
    "level_embedding.hidden": "time_embedding.timembedding.1",
    "level_embedding.out": "time_embedding.timembedding.3",
    "label_embedding": "y_embedding",
    "stem": "head",
    "norm": "tail.0",
    "head": "tail.2",
}
_PLACES = {"down": "downblocks", "middle": "middleblocks", "up": "upblocks"}
_INNER = {
    "norm_in": ("block1.0",),
    "conv_in": ("block1.2",),
    "level": ("temb_proj.1",),
    "norm_out": ("block2.0",),
    "conv_out": ("block2.3",),
    "shortcut": ("shortcut",),
    "attention.norm": ("attn.group_norm",),
    "attention.query_key_value": ("attn.proj_q", "attn.proj_k", "attn.proj_v"),
    "attention.out": ("attn.proj",),
    "conv": ("main",),  # of an upsampler
    "": ("main",),  # of a downsampler, which is nothing but its convolution
}


@dataclass(frozen=True, slots=True)
class UNetLayout:
    """Everything that shapes the network. ``classes`` is 0 for one that knows of none."""

    network: NetworkConfig
    image_channels: int
    classes: int

    def build(self) -> UNet:
        """Return the network, without weights (on the meta device)."""
        with torch.device("meta"):
            return UNet(
                self.image_channels,
                classes=self.classes,
                **self.network.model_dump(exclude={"conditional", "label_dropout"}),
            )


def read_unet(state: State, num_timesteps: int) -> tuple[UNetLayout, State]:
    """Return the architecture that a state dict describes, and its tensors by our names.

    Parameters
    ----------
    state : dict of Tensor
        By the names of the published code.
    num_timesteps : int
        T of the base grid; the table of sinusoids has T + 1 rows.

    Raises
    ------
    Misfit
        Where a tensor is missing or unknown, the table holds other sinusoids, or no such network can be built.
    """
    layout = _layout(state)
    ours = {name: tuple(tensor.shape) for name, tensor in layout.build().state_dict().items()}
    width = layout.network.channels
    wanted = {TABLE: (num_timesteps + 1, width)}
    for name, shape in ours.items():
        if name != RATE:
            theirs = their_names(name)
            wanted |= dict.fromkeys(theirs, (shape[0] // len(theirs), *shape[1:]))
    compare(state, wanted)
    _check_table(state[TABLE], width)
    weights = {name: torch.cat([state[theirs] for theirs in their_names(name)]) for name in ours if name != RATE}
    return layout, weights | {RATE: wave_rates(width)}


def their_names(name: str) -> tuple[str, ...]:
    """Return what the published code calls one of our tensors; query, key and value are three, one after another."""
    module, _, kind = name.rpartition(".")
    if module in _OUTER:
        return (f"{_OUTER[module]}.{kind}",)
    place, number, *inner = module.split(".", 2)
    return tuple(f"{_PLACES[place]}.{number}.{theirs}.{kind}" for theirs in _INNER["".join(inner)])


def _layout(state: State) -> UNetLayout:
    channels, image_channels = _shape(state, "head.weight", 4)[:2]
    levels: list[list[tuple[int, bool]]] = [[]]  # of each residual block: its channels, and whether it attends
    present = {name.split(".")[1] for name in state if name.startswith("downblocks.")}
    for number in takewhile(lambda number: str(number) in present, count()):
        block = f"downblocks.{number}"
        if f"{block}.main.weight" in state:
            levels.append([])
        else:
            width = _shape(state, f"{block}.block1.2.weight", 4)[0]
            levels[-1].append((width, f"{block}.attn.proj.weight" in state))
    if not all(levels):
        raise Misfit("has a level without residual blocks in its downblocks")
    widths = [level[0][0] for level in levels]
    if any(width < channels or width % channels or width % NORM_GROUPS for width in (channels, *widths)):
        raise Misfit(
            f"has levels of {', '.join(map(str, widths))} channels after {channels} of its head; they are multiples of "
            f"that and of {NORM_GROUPS} in the published code"
        )
    classes = _shape(state, "y_embedding.weight", 2)[1] if "y_embedding.weight" in state else 0
    try:
        network = NetworkConfig(
            channels=channels,
            multipliers=tuple(width // channels for width in widths),
            attention_levels=tuple(index for index, level in enumerate(levels) if level[0][1]),
            residual_blocks=len(levels[0]),
            norm_groups=NORM_GROUPS,
            conditional=classes > 0,
            label_dropout=0.0,  # the published code never hides a class
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise Misfit(f"has a network beyond bounds ({first['loc'][0]}: {first['msg']})") from None
    return UNetLayout(network, image_channels, classes)


def _shape(state: State, name: str, dimensions: int) -> tuple[int, ...]:
    if name not in state:
        raise Misfit(f"lacks {name}")
    shape = tuple(state[name].shape)
    if len(shape) != dimensions or not all(shape):
        raise Misfit(f"has an unfit {name} of shape {shape}")
    return shape


def _check_table(table: Tensor, width: int) -> None:
    """Make sure that the frozen table holds the sinusoids that our network computes."""
    waves = level_waves(torch.arange(len(table)), wave_rates(width))
    difference = float((table.float() - waves).abs().max())
    # A table of half precision is rounded; what it stands for is computed anew, in float32.
    if difference > max(TABLE_TOLERANCE * max(1.0, len(table) / EXACT_LEVELS), torch.finfo(table.dtype).eps):
        raise Misfit(
            f"holds other sinusoids in {TABLE} than the published code (by up to {difference:.2g}); its levels mean "
            "something else"
        )
