"""Augmentations: what they may do to an image, and that nothing but the generator decides it."""

import pytest
import torch

from cfd_studio.data.augment import BLANK, Augment, auto_augment, cutout, random_crop
from cfd_studio.data.images import to_float
from cfd_studio.data.moments import channel_moments


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_crop_is_a_window_of_the_padded_image_and_all_windows_come() -> None:
    image = torch.rand(1, 2, 5, 7)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), value=-1.0)[0]
    windows = {
        padded[:, top : top + 5, left : left + 7].numpy().tobytes(): (top, left)
        for top in range(5)
        for left in range(5)
    }
    crops = random_crop(image.expand(600, -1, -1, -1), 2, _generator())
    counts: dict[tuple[int, int], int] = {}
    for crop in crops:
        place = windows[crop.numpy().tobytes()]
        counts[place] = counts.get(place, 0) + 1
    assert len(counts) == 25
    assert max(counts.values()) < 60  # 24 expected


def test_cutout_blanks_one_square_whose_centre_is_in_the_image() -> None:
    images = torch.full((400, 3, 9, 9), 0.5)
    cut = cutout(images, 4, _generator())
    assert (images == 0.5).all()
    centres = set()
    for image in cut:
        blank = image == BLANK
        assert (blank == blank[0]).all()
        rows, columns = blank[0].any(1).nonzero().flatten(), blank[0].any(0).nonzero().flatten()
        assert blank[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert 2 <= len(rows) <= 4
        assert 2 <= len(columns) <= 4
        assert blank[0].sum() == len(rows) * len(columns)
        centres.add((int(rows[0]), int(columns[0])))
    assert len(centres) > 40


def test_autoaugment_gives_each_image_what_torchvision_gives_it_alone() -> None:
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    images = torch.randint(0, 256, (40, 3, 16, 16), dtype=torch.uint8, generator=_generator(1))
    numbers = torch.rand((40, 5), generator=_generator(2))
    changed = auto_augment(images, _generator(2))
    for image, result, (which, *lucks) in zip(images, changed, numbers.tolist(), strict=True):

        class Told(AutoAugment):
            drawn = (int(which * 25), torch.tensor(lucks[:2]), torch.tensor([int(sign >= 0.5) for sign in lucks[2:]]))

            def get_params(self, transform_num: int) -> object:
                assert transform_num == 25
                return self.drawn

        assert torch.equal(result, Told(AutoAugmentPolicy.CIFAR10)(image))
    assert sum(not torch.equal(one, other) for one, other in zip(images, changed, strict=True)) > 20


def test_the_generator_alone_decides_and_the_process_wide_one_is_left_alone() -> None:
    images = to_float(torch.randint(0, 256, (16, 3, 16, 16), dtype=torch.uint8))
    augment = Augment(crop_padding=2, auto_augment=True, cutout=6)
    before = torch.get_rng_state()
    one, same, other = (augment(images, _generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == images.shape
    assert one.abs().max() <= 1


def test_nothing_asked_for_is_nothing_done_and_nothing_drawn() -> None:
    images, generator = torch.rand(2, 1, 4, 4), _generator()
    before = generator.get_state()
    assert Augment()(images, generator) is images
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("channels", [1, 3])
def test_moments_are_those_of_the_values_themselves(channels: int) -> None:
    images = torch.randint(0, 256, (2300, channels, 3, 4), dtype=torch.uint8, generator=_generator())
    mean, deviation = channel_moments(images)
    values = images.double().transpose(0, 1).flatten(1) / 255
    assert mean == pytest.approx(values.mean(1).tolist(), rel=1e-12)
    assert deviation == pytest.approx(values.std(1, correction=0).tolist(), rel=1e-12)
    rows = torch.arange(0, 2300, 2)
    assert channel_moments(images, rows) == channel_moments(images[rows]) != (mean, deviation)


def test_a_channel_that_never_varies_can_be_divided_by_its_deviation() -> None:
    assert channel_moments(torch.full((3, 1, 2, 2), 51, dtype=torch.uint8)) == (pytest.approx((0.2,)), (1.0,))
