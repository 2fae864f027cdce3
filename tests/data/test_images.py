"""Eight bits in and out, and the digits."""

import hashlib

import pytest
import torch

from cfd_studio.data.digits import load_digits
from cfd_studio.data.images import DataSet, ImageSet, to_float, to_uint8


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_digits()


def test_all_256_values_survive_the_round_trip() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    wide = to_float(values)
    assert wide.dtype == torch.float32
    assert wide.min() == -1
    assert wide.max() == 1
    assert torch.equal(to_uint8(wide), values)


def test_values_outside_are_clipped_and_those_between_rounded() -> None:
    assert to_uint8(torch.tensor([-9.0, -1.0, 1.0, 9.0])).tolist() == [0, 0, 255, 255]
    assert to_uint8(to_float(torch.tensor([100.4, 100.6]))).tolist() == [100, 101]


def test_the_split_is_complete_disjoint_and_stratified(digits: DataSet) -> None:
    assert len(digits.train) + len(digits.held_out) == 1797
    everything = torch.bincount(digits.train.labels) + torch.bincount(digits.held_out.labels)
    assert torch.equal(torch.bincount(digits.held_out.labels), everything // 5)
    train = {image.numpy().tobytes() for image in digits.train.images}
    held_out = {image.numpy().tobytes() for image in digits.held_out.images}
    assert not train & held_out


def test_the_images_are_bytes_of_the_full_range(digits: DataSet) -> None:
    assert digits.train.images.dtype == torch.uint8
    assert digits.train.labels.dtype == torch.int64
    assert digits.train.shape == (1, 8, 8)
    assert digits.train.images.min() == 0
    assert digits.train.images.max() == 255
    assert digits.classes == 10
    assert not digits.flip


def test_the_split_is_the_same_on_every_machine_and_for_every_seed(digits: DataSet) -> None:
    torch.manual_seed(99)
    again = load_digits()
    assert torch.equal(again.held_out.images, digits.held_out.images)
    digest = hashlib.sha256()
    for part in (digits.train, digits.held_out):
        digest.update(part.images.numpy().tobytes())
        digest.update(part.labels.numpy().astype("<i8").tobytes())
    assert digest.hexdigest() == "07d8622fedc84b33cdf94e2005283a24a5845c3ce902d2759704a4ee6c29bdf6"


@pytest.mark.parametrize(("free", "moved"), [(2 * 1000 * 64, True), (2 * 1000 * 64 - 1, False)])
def test_training_images_that_would_fill_half_of_the_device_stay_on_the_host(
    monkeypatch: pytest.MonkeyPatch, free: int, moved: bool
) -> None:
    images = torch.zeros(1000, 1, 8, 8, dtype=torch.uint8)
    train, held_out = (ImageSet(images, torch.arange(1000)) for _ in range(2))
    sent: list[int] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2**40))
    monkeypatch.setattr(ImageSet, "to", lambda split, device: sent.append(id(split)) or split)
    DataSet.of("many", train, held_out).to("cuda:0")
    assert sent == [id(held_out)] + [id(train)] * moved


def test_the_key_is_that_of_images_labels_and_split(digits: DataSet) -> None:
    train, held_out = digits.train, digits.held_out
    other_image = train.images.clone()
    other_image[0, 0, 0, 0] += 1
    keys = {
        DataSet.of("digits", *splits).key
        for splits in (
            (train, held_out),
            (held_out, train),
            (ImageSet(other_image, train.labels), held_out),
            (ImageSet(train.images, train.labels.flip(0)), held_out),
            (ImageSet(train.images.view(-1, 1, 4, 16), train.labels), held_out),
        )
    }
    assert len(keys) == 5
    assert DataSet.of("another name", train, held_out).key in keys
    assert digits.key in keys
