"""Odd pictures with answers that are known beforehand."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cfd_studio.data.pictures import decode_picture, read_picture
from cfd_studio.data.source import UnreadableError

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def _first_pixel(path: Path, channels: int = 3) -> tuple[int, ...]:
    read = read_picture(path, 16, channels)
    assert read.shape == (channels, 16, 16)
    assert read.dtype == np.uint8
    assert (read == read[:, :1, :1]).all(), "it is of one colour"
    return tuple(map(int, read[:, 0, 0]))


def test_a_picture_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", 16, 3) == pixels.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("size", [(40, 16), (16, 41)])
def test_a_longer_picture_is_cropped_in_its_middle(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    middle = pixels[(height - 16) // 2 :, (width - 16) // 2 :][:16, :16]
    assert (read_picture(tmp_path / "a.png", 16, 3) == middle.transpose(2, 0, 1)).all()


def test_a_large_picture_is_made_small_without_moire(tmp_path: Path) -> None:
    stripes = np.zeros((160, 320, 3), dtype=np.uint8)
    stripes[:, ::2] = 255  # finer than the small picture can show: grey, and neither black nor white
    Image.fromarray(stripes).save(tmp_path / "a.png")
    inside = read_picture(tmp_path / "a.png", 16, 3)[:, :, 1:-1].astype(int)
    assert abs(inside - 128).max() <= 2


def test_a_single_pixel_fills_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "a.png")
    assert _first_pixel(tmp_path / "a.png") == (9, 8, 7)


def test_cmyk_becomes_colour(tmp_path: Path) -> None:
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    assert _first_pixel(tmp_path / "a.tif") == RED
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    assert np.abs(np.subtract(_first_pixel(tmp_path / "a.jpg"), RED)).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path, suffix: str) -> None:
    for value, expected in ((0, 0), (128, 0), (129, 1), (257 * 100, 100), (65535, 255)):
        Image.fromarray(np.full((16, 16), value, dtype=np.uint16)).save(tmp_path / f"a.{suffix}")
        assert _first_pixel(tmp_path / f"a.{suffix}", 1) == (expected,)
    every = np.arange(2**16).reshape(256, 256).astype(np.uint16)
    Image.fromarray(every).save(tmp_path / f"a.{suffix}")
    assert (read_picture(tmp_path / f"a.{suffix}", 256, 1)[0] == np.rint(every / 257)).all()


def test_a_large_grey_picture_of_sixteen_bits_takes_little_more_memory_than_its_pixels(tmp_path: Path) -> None:
    pixels = 4200 * 4000
    Image.new("I;16", (4200, 4000), 257).save(tmp_path / "a.png")
    tracemalloc.start()  # numpy's memory; Pillow's own is not seen
    try:
        assert _first_pixel(tmp_path / "a.png", 1) == (1,)
        assert tracemalloc.get_traced_memory()[1] < 8 * pixels
    finally:
        tracemalloc.stop()


def test_colours_of_sixteen_bits_are_read_as_well(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 65535, 257 * 100, 0) * 16 for _ in range(16))
    (tmp_path / "a.png").write_bytes(_png(struct.pack(">2I5B", 16, 16, 16, 2, 0, 0, 0), rows))
    assert _first_pixel(tmp_path / "a.png") == (255, 100, 0)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    for name, image in {
        "clear.png": Image.new("RGBA", (16, 16), (255, 0, 0, 0)),
        "clear-grey.png": Image.new("LA", (16, 16), (0, 0)),
        "clear.webp": Image.new("RGBA", (16, 16), (0, 0, 0, 0)),
    }.items():
        image.save(tmp_path / name)
        assert _first_pixel(tmp_path / name) == WHITE, name
    Image.new("RGBA", (16, 16), (255, 0, 0, 51)).save(tmp_path / "faint.png")  # a fifth of red
    assert _first_pixel(tmp_path / "faint.png") == (255, 204, 204)
    Image.new("RGB", (16, 16), RED).save(tmp_path / "key.png", transparency=RED)
    assert _first_pixel(tmp_path / "key.png") == WHITE
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "opaque.gif")
    assert _first_pixel(tmp_path / "opaque.gif") == RED
    palette.save(tmp_path / "clear.gif", transparency=1)
    assert _first_pixel(tmp_path / "clear.gif") == WHITE


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_counts(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    first, second = (Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN))
    exactly = {"lossless": True} if suffix == "webp" else {}
    first.save(path, save_all=True, append_images=[second], duration=100, **exactly)
    with Image.open(path) as image:
        assert image.n_frames == 2
    assert _first_pixel(path) == RED


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (15, 15)), (6, (0, 15)), (8, (15, 0))])
def test_a_rotation_that_the_camera_noted_is_applied(tmp_path: Path, orientation: int, corner: tuple[int, int]) -> None:
    pixels = np.zeros((16, 16, 3), dtype=np.uint8)
    pixels[0, 0] = WHITE
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    read = read_picture(tmp_path / "a.png", 16, 1)[0]
    assert np.argwhere(read > 128).tolist() == [list(corner)]


def test_grey_and_colour_become_each_other(tmp_path: Path) -> None:
    Image.new("L", (16, 16), 77).save(tmp_path / "grey.png")
    assert _first_pixel(tmp_path / "grey.png") == (77, 77, 77)
    Image.new("RGB", (16, 16), GREEN).save(tmp_path / "green.png")
    assert _first_pixel(tmp_path / "green.png", 1) == (150,)  # 0.587 of 255
    Image.new("1", (16, 16), 1).save(tmp_path / "bit.png")
    assert _first_pixel(tmp_path / "bit.png") == WHITE


def test_arrays_go_the_same_way(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (decode_picture(pixels, 16, 3) == read_picture(tmp_path / "a.png", 16, 3)).all()
    grey = pixels[:, :, 0]
    assert (decode_picture(grey, 16, 1) == decode_picture(grey[:, :, None], 16, 1)).all()


def _png(header: bytes, rows: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_picture_is_unreadable(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), RED).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    bad = {
        "empty.png": b"",
        "text.png": b"<html>404</html>",
        "cut.jpg": whole[: len(whole) // 2],
        "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",  # Pillow would start Ghostscript
        "flat.png": _png(struct.pack(">2I5B", 16, 0, 8, 2, 0, 0, 0), b""),
        "bomb.png": _png(struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0), bytes(1000)),
        "bomb-below-the-bound-of-pillow.png": _png(struct.pack(">2I5B", 10_000, 10_000, 8, 2, 0, 0, 0), bytes(1000)),
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableError, match="pixels" if "bomb" in name else None):
            read_picture(tmp_path / name, 16, 3)
    Image.fromarray(np.zeros((16, 16), dtype=np.float32)).save(tmp_path / "floats.tif")
    with pytest.raises(UnreadableError, match="floats"):
        read_picture(tmp_path / "floats.tif", 16, 1)


def test_a_huge_file_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as stream:
        stream.truncate(2**28 + 1)
    with pytest.raises(UnreadableError, match="larger than 256 MB"):
        read_picture(tmp_path / "a.png", 16, 3)
