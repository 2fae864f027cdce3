"""Arrays of numbers as images: what is accepted, and what a hostile file may not do."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfd_studio.data import npy
from cfd_studio.data.arrays import image_arrays
from cfd_studio.data.decoding import decode
from cfd_studio.data.source import DataError, Source

COLOUR = np.random.default_rng(0).integers(0, 256, (12, 9, 9, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]


def _save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def _images(source: Source, channels: int = 3) -> np.ndarray:
    return np.stack([np.asarray(image) for image in decode(source, 9, channels)])


@pytest.mark.parametrize("key", ["x", "images", "x_train"])
@pytest.mark.parametrize("packed", [False, True])
def test_rows_come_back_from_every_layout(tmp_path: Path, key: str, packed: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(npy, "_PIECE", 1000)  # several pieces
    for array in (COLOUR, np.ascontiguousarray(COLOUR.transpose(0, 3, 1, 2))):
        (np.savez_compressed if packed else np.savez)(tmp_path / "a.npz", **{key: array})
        source = image_arrays(tmp_path / "a.npz", 0.25)
        assert (_images(source) == COLOUR.transpose(0, 3, 1, 2)).all()
        assert source.class_names == ()
        assert source.held_out.sum() == 3
    for array in (GREY, GREY[..., None], GREY[:, None]):
        np.save(tmp_path / "a.npy", np.ascontiguousarray(array))
        assert (_images(image_arrays(tmp_path / "a.npy", 0.25), 1)[:, 0] == GREY).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_are_read_in_either_range(tmp_path: Path, dtype: Any) -> None:
    values = GREY / 255
    for array in (values, values * 2 - 1):
        file = _save(tmp_path / "a.npz", x=array.astype(dtype))
        assert np.abs(_images(image_arrays(file, 0.5), 1)[:, 0].astype(int) - GREY).max() <= (dtype == np.float16)


def test_labels_and_a_split_of_its_own_are_used(tmp_path: Path) -> None:
    file = _save(
        tmp_path / "a.npz",
        x_train=COLOUR[:9],
        y_train=np.arange(9, dtype=np.uint8)[:, None] % 4,
        x_test=COLOUR[9:],
        y_test=np.array([4, 0, 1]),
    )
    source = image_arrays(file, 0.25)
    assert source.labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 4, 0, 1]
    assert source.held_out.tolist() == [False] * 9 + [True] * 3
    assert source.class_names == tuple("01234")
    assert (_images(source) == COLOUR.transpose(0, 3, 1, 2)).all()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": COLOUR}, "no array called images"),
        ({"x": COLOUR, "y": np.arange(12) % 3 * 30000}, "up to 60000, and no image of class 1"),
        ({"x": COLOUR.astype(np.int32)}, "int32"),
        ({"x": COLOUR.astype(np.float32)}, "floats from 0 to 255"),
        ({"x": np.full((4, 8, 8), np.nan, np.float32)}, "floats from nan"),
        ({"x": np.zeros((4, 8), np.uint8)}, "shape"),
        ({"x": np.zeros((4, 8, 8, 4), np.uint8)}, "shape"),
        ({"x": np.zeros((0, 8, 8), np.uint8)}, "claims"),
        ({"x": np.array([{}, {}])}, "no plain numbers"),
        ({"x": np.asfortranarray(COLOUR)}, "column by column"),
        ({"x": COLOUR, "y": np.zeros(11, np.int64)}, "labels of shape"),
        ({"x": COLOUR, "y": np.zeros(12, np.float32)}, "labels of shape"),
        ({"x": COLOUR, "y": np.full(12, -1)}, "labels from -1"),
        ({"x": COLOUR, "y": np.full(12, 2**40)}, "labels from"),
        ({"x": COLOUR, "x_test": COLOUR, "y_test": np.zeros(12, np.int64)}, "one of its two splits"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        image_arrays(_save(tmp_path / "a.npz", **arrays), 0.25)


def _claiming(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\x93NUMPY\x01\x00",
        _claiming((10**9, 64, 64)),
        _claiming((2, 8, 8), bytes(127)),
        _claiming((-2, 8, -8), bytes(128)),
        b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': __import__('os').getcwd(), 'shape': (1,)}".ljust(117) + b"\n",
    ],
)
def test_a_lie_in_a_header_is_refused_before_memory_is_taken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError):
        image_arrays(tmp_path / "a.npy", 0.25)
    (tmp_path / "b.npz").write_bytes(content)
    with pytest.raises(DataError):
        image_arrays(tmp_path / "b.npz", 0.25)
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(DataError):
        image_arrays(tmp_path / "c.npz", 0.25)


def test_a_flipped_bit_in_an_archive_is_noticed(tmp_path: Path) -> None:
    file = _save(tmp_path / "a.npz", x=COLOUR)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match="no readable"):
        _images(image_arrays(file, 0.25))
