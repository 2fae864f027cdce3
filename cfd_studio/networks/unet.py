"""The U-Net of Ho et al. (2020) as the CIFAR-10 recipes use it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cfd_studio.networks.blocks import Downsample, Edge, LabelEmbedding, LevelEmbedding, ResidualBlock, Upsample, silent


class UNet(nn.Module):
    """Maps a noisy image and its level to an output of the same shape; it does not know what the output means.

    Parameters
    ----------
    image_channels : int
    channels : int
        Channels of the first level; even.
    multipliers : sequence of int
        Channels of each level as multiples; height and width halve from level to level.
    attention_levels : sequence of int
        Levels whose residual blocks end in self-attention; the first middle block always does.
    residual_blocks : int
        Per level on the way down; one more on the way up.
    norm_groups : int
        Must divide the channels of every level.
    classes : int
        0 for a network that knows of no classes.
    dropout : float
    """

    def __init__(
        self,
        image_channels: int,
        *,
        channels: int,
        multipliers: Sequence[int],
        attention_levels: Sequence[int],
        residual_blocks: int,
        norm_groups: int,
        classes: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        embedding = 4 * channels

        def block(inward: int, outward: int, *, attention: bool) -> ResidualBlock:
            return ResidualBlock(
                inward, outward, embedding, norm_groups=norm_groups, dropout=dropout, attention=attention
            )

        self.level_embedding = LevelEmbedding(channels, embedding)
        self.label_embedding = LabelEmbedding(classes, embedding) if classes else None
        self.stem = Edge(image_channels, channels)

        width = channels
        skips = [width]  # channels of everything that is kept for the way up
        self.down = nn.ModuleList()
        for level, multiplier in enumerate(multipliers):
            for _ in range(residual_blocks):
                self.down.append(block(width, channels * multiplier, attention=level in attention_levels))
                width = channels * multiplier
                skips.append(width)
            if level < len(multipliers) - 1:
                self.down.append(Downsample(width))
                skips.append(width)

        self.middle = nn.ModuleList([block(width, width, attention=True), block(width, width, attention=False)])

        self.up = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for _ in range(residual_blocks + 1):
                self.up.append(block(width + skips.pop(), channels * multiplier, attention=level in attention_levels))
                width = channels * multiplier
            if level > 0:
                self.up.append(Upsample(width))

        self.norm = nn.GroupNorm(norm_groups, width)
        self.head = silent(Edge(width, image_channels))

    def forward(self, z: Tensor, level: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the output, shape (B, C, H, W).

        Parameters
        ----------
        z : Tensor, shape (B, C, H, W)
        level : Tensor of int64, shape (B,)
            On the base grid.
        labels : Tensor of int64, shape (B,), optional
            Classes, -1 for none; without them a class-conditional network draws any class.
        """
        embedding = self.level_embedding(level)
        if self.label_embedding is not None:
            embedding = embedding + self.label_embedding(torch.full_like(level, -1) if labels is None else labels)
        embedding = functional.silu(embedding)
        h = self.stem(z)
        skips = [h]
        for module in self.down:
            h = module(h, embedding) if isinstance(module, ResidualBlock) else module(h)
            skips.append(h)
        for module in self.middle:
            h = module(h, embedding)
        for module in self.up:
            if isinstance(module, ResidualBlock):
                h = module(torch.cat([h, skips.pop()], dim=1), embedding)
            else:
                h = module(h)
        return self.head(functional.silu(self.norm(h)))
