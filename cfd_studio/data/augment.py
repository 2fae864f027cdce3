"""What is done to a classifier's training images: random crops, AutoAugment, Cutout. Everything on their device."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cfd_studio.data.images import to_float, to_uint8

BLANK = 0.0  # mid-grey: within 0.06 of the mean of CIFAR-10, which is what a network sees as 0 after normalisation


@dataclass(frozen=True, slots=True)
class Augment:
    """The augmentations of one stage, in the order in which they are applied; the default is none.

    A mirrored image of a random crop is a random crop of the mirrored image, so that the flip may come first.

    Attributes
    ----------
    crop_padding : int
        See `random_crop`.
    auto_augment : bool
        See `auto_augment`.
    cutout : int
        See `cutout`.
    """

    crop_padding: int = 0
    auto_augment: bool = False
    cutout: int = 0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed copies of images of shape (B, C, H, W) in [-1, 1]; all randomness is the generator's."""
        if self.crop_padding:
            images = random_crop(images, self.crop_padding, generator)
        if self.auto_augment:
            images = to_float(auto_augment(to_uint8(images), generator))
        if self.cutout:
            images = cutout(images, self.cutout, generator)
        return images


PLAIN = Augment()


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Return a crop of each image, of its own size, out of the image with a black margin.

    Parameters
    ----------
    images : Tensor, shape (B, C, H, W)
        Range [-1, 1].
    padding : int
        Pixels of margin on every side; the crop's place is uniform.
    generator : torch.Generator
        On the device of the images.
    """
    count, _, height, width = images.shape
    device = images.device
    padded = functional.pad(images, (padding,) * 4, value=-1.0)
    corner = torch.randint(0, 2 * padding + 1, (2, count, 1, 1), generator=generator, device=device)
    rows = corner[0] + torch.arange(height, device=device)[:, None]
    columns = corner[1] + torch.arange(width, device=device)
    which = torch.arange(count, device=device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2).contiguous()


def cutout(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Return copies in which a square is mid-grey (DeVries & Taylor 2017, arXiv 1708.04552).

    Its centre is a uniformly drawn pixel, so that a part of it may lie outside, as in the paper.

    Parameters
    ----------
    images : Tensor, shape (B, C, H, W)
        Range [-1, 1].
    side : int
        Of the square, in pixels.
    generator : torch.Generator
        On the device of the images.
    """
    count, _, height, width = images.shape
    device = images.device

    def blanked(length: int) -> Tensor:
        first = torch.randint(0, length, (count, 1), generator=generator, device=device) - side // 2
        places = torch.arange(length, device=device)
        return (places >= first) & (places < first + side)

    rows, columns = blanked(height), blanked(width)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], BLANK)


def auto_augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images changed by policies of AutoAugment for CIFAR-10 (Cubuk et al. 2018, arXiv 1805.09501).

    The policies and what they do are torchvision's; each image has one of its own. What is drawn comes from the
    generator and not, as torchvision has it, from the process-wide one. Images with the same draw go through together.

    Parameters
    ----------
    images : Tensor of uint8, shape (B, 3, H, W)
    generator : torch.Generator
        On the device of the images. What it draws is read back by the host, the one wait for the device here.
    """
    # Takes seconds to import, and few runs need it.
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    class Drawn(AutoAugment):  # type: ignore[misc]  # torchvision has no types
        """Uses what was drawn instead of drawing."""

        drawn: tuple[int, Tensor, Tensor]

        def get_params(self, transform_num: int) -> tuple[int, Tensor, Tensor]:  # noqa: ARG002
            return self.drawn

    transform = Drawn(AutoAugmentPolicy.CIFAR10)
    numbers = torch.rand((len(images), 5), generator=generator, device=images.device).cpu()
    result = torch.empty_like(images)
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, (which, *lucks) in enumerate(numbers.tolist()):
        number = int(which * len(transform.policies))
        key = [number]
        for luck, sign, (_, chance, _) in zip(lucks[:2], lucks[2:], transform.policies[number], strict=True):
            happens = luck < chance
            key += [int(happens), int(happens and sign < 0.5)]
        groups.setdefault(tuple(key), []).append(row)
    for (policy, *halves), rows in groups.items():
        chances = torch.tensor([-1.0 if happens else 2.0 for happens in halves[::2]])
        transform.drawn = policy, chances, torch.tensor([1 - negative for negative in halves[1::2]])
        chosen = torch.tensor(rows, device=images.device)
        result[chosen] = transform(images[chosen])
    return result
