"""The pieces of the U-Net."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def silent(layer: nn.Conv2d) -> nn.Conv2d:
    """Return the layer with all weights 0, so that what it ends starts as nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def wave_rates(channels: int) -> Tensor:
    """Return the angular rates of the sinusoids, ``10000^(-i / channels)`` for i = 0, 2, ...; shape (channels / 2,)."""
    # Of Python's numbers: of torch's, on the device meta, it would load its compiler.
    rates = [math.exp(-math.log(10_000.0) * i / channels) for i in range(0, channels, 2)]
    return torch.tensor(rates, dtype=torch.float32)


def level_waves(level: Tensor, rates: Tensor) -> Tensor:
    """Return sine and cosine of level times rate, interleaved, shape (B, channels), of levels of shape (B,)."""
    angle = level.to(rates.dtype)[:, None] * rates
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


class Edge(nn.Conv2d):
    """A 3x3 convolution at either end of a network, computed in float32 also where all else is in bfloat16.

    A noisy image that is rounded is another image. What a trained network has left to learn is so little that this
    alone makes its gradient wrong by several percent, and there are few products here to save.
    """

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__(inward, outward, 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, inward, H, W) to (B, outward, H, W)."""
        kind = h.device.type
        if h.is_meta or not torch.is_autocast_enabled(kind):
            return super().forward(h)
        with torch.autocast(kind, enabled=False):
            return super().forward(h.to(self.weight.dtype))


class LevelEmbedding(nn.Module):
    """Sinusoids of the base-grid level, then two linear layers.

    Parameters
    ----------
    channels : int
        Width of the sinusoidal part; even.
    embedding : int
        Width of the result.
    """

    rate: Tensor

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.register_buffer("rate", wave_rates(channels))
        self.hidden = nn.Linear(channels, embedding)
        self.out = nn.Linear(embedding, embedding)

    def forward(self, level: Tensor) -> Tensor:
        """Return the embedding, shape (B, embedding), of levels of shape (B,)."""
        # Weights may be rounded, but not a level.
        waves = level_waves(level, self.rate.to(torch.promote_types(self.rate.dtype, self.hidden.weight.dtype)))
        return self.out(functional.silu(self.hidden(waves)))


class LabelEmbedding(nn.Linear):
    """One linear layer on the one-hot class; the null label -1 has no class, so only the bias speaks."""

    def __init__(self, classes: int, embedding: int) -> None:
        super().__init__(classes, embedding)

    def forward(self, labels: Tensor) -> Tensor:
        """Return the embedding, shape (B, embedding), of int64 classes of shape (B,), -1 for none."""
        one_hot = labels[:, None] == torch.arange(self.in_features, device=labels.device)
        return super().forward(one_hot.to(self.weight.dtype))


class Attention(nn.Module):
    """One head of self-attention over all pixels, added to its input.

    Attributes
    ----------
    fused : bool
        Whether query, key and value meet in one kernel, which never holds the weights of all pairs of pixels.
    """

    def __init__(self, channels: int, norm_groups: int) -> None:
        super().__init__()
        self.fused = True
        self.norm = nn.GroupNorm(norm_groups, channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = silent(nn.Conv2d(channels, channels, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H, W)."""
        batch, channels, height, width = h.shape
        joint = self.query_key_value(self.norm(h)).view(batch, 3, channels, height * width).transpose(2, 3)
        query, key, value = joint.unbind(1)
        if self.fused and h.is_cuda:
            # Its fused kernels take heads, here one, and channels that lie side by side.
            query, key, value = joint.contiguous()[:, :, None].unbind(1)
            mixed = functional.scaled_dot_product_attention(query, key, value)[:, 0]
        elif self.fused:
            mixed = functional.scaled_dot_product_attention(query, key, value)  # scale = channels^-0.5
        else:
            mixed = (query @ key.transpose(1, 2) * channels**-0.5).softmax(2) @ value
        return h + self.out(mixed.transpose(1, 2).reshape(batch, channels, height, width))


class ResidualBlock(nn.Module):
    """Two normalised 3x3 convolutions with the level added between them, a shortcut, and attention if asked for."""

    def __init__(
        self, inward: int, outward: int, embedding: int, *, norm_groups: int, dropout: float, attention: bool
    ) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(math.gcd(norm_groups, inward), inward)
        self.conv_in = nn.Conv2d(inward, outward, 3, padding=1)
        self.level = nn.Linear(embedding, outward)
        self.norm_out = nn.GroupNorm(norm_groups, outward)
        self.dropout = nn.Dropout(dropout)
        self.conv_out = silent(nn.Conv2d(outward, outward, 3, padding=1))
        self.shortcut = nn.Conv2d(inward, outward, 1) if inward != outward else nn.Identity()
        self.attention = Attention(outward, norm_groups) if attention else nn.Identity()

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """Map (B, inward, H, W) and the activated level embedding (B, E) to (B, outward, H, W)."""
        inner = self.conv_in(functional.silu(self.norm_in(h)))
        inner = inner + self.level(embedding)[:, :, None, None]
        inner = self.conv_out(self.dropout(functional.silu(self.norm_out(inner))))
        return self.attention(self.shortcut(h) + inner)


class Downsample(nn.Conv2d):
    """Halve height and width with a strided 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1)


class Upsample(nn.Module):
    """Double height and width: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, 2H, 2W)."""
        return self.conv(functional.interpolate(h, scale_factor=2.0, mode="nearest"))
