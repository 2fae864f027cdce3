"""How one picture of whatever kind becomes bytes of one size."""

import contextlib
import threading
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cfd_studio.data.source import Picture, UnreadableError

# What Pillow reads by itself: its other readers start programs, or guess at files without a mark of their own.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpg", ".jpeg", ".jpe", ".jp2", ".png", ".pbm", ".pgm", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
LARGEST_FILE = 2**28
MOST_PIXELS = 89_478_485  # from here on Pillow itself suspects a decompression bomb
_SIXTEEN_BITS = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
_EIGHT_BITS = np.rint(np.arange(2**16) / 257).astype(np.uint8)  # of each grey of 16
_PIECE = 2**16
_LARGE = 2**24  # pixels: of pictures from here on one at a time is unpacked
_one_large = threading.Lock()
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # `read_picture` refuses those


def decode_picture(picture: Picture, side: int, channels: int) -> NDArray[np.uint8]:
    """Return a picture as uint8 of shape (channels, side, side).

    Raises
    ------
    UnreadableError
        Where it is a file that holds no picture, or one that nobody should unpack.
    """
    if isinstance(picture, Path):
        return read_picture(picture, side, channels)
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.shape == (side, side, channels):
        return np.ascontiguousarray(picture.transpose(2, 0, 1))
    return fit(Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture), side, channels)


def read_picture(path: Path, side: int, channels: int) -> NDArray[np.uint8]:
    """Read a file as `decode_picture` does.

    The rotation that a camera noted is applied. Of an animation the first frame counts. Transparent parts show white;
    grey of 16 bits is rounded to 8; CMYK, palettes and the like become colours without their profile.

    Raises
    ------
    UnreadableError
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableError(f"is larger than {LARGEST_FILE // 2**20} MB")
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UnreadableError(f"has {image.width:,} x {image.height:,} pixels")
            with _one_large if image.width * image.height > _LARGE else contextlib.nullcontext():
                return fit(_opaque(ImageOps.exif_transpose(image)), side, channels)
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on content that is not theirs
        raise UnreadableError(_reason(error)) from None


def fit(image: Image.Image, side: int, channels: int) -> NDArray[np.uint8]:
    """Resize the shorter side, antialiased and bicubic, and crop the middle of the longer one.

    Parameters
    ----------
    image : Image
        Of any size, of 8 bits and without transparency.
    side : int
    channels : int
        1 takes the luma (ITU-R 601) of colours.

    Returns
    -------
    array of uint8, shape (channels, side, side)
    """
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (side, side):
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2  # whole: cropping alone changes no pixel
        box = (left, top, left + short, top + short)
        image = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    pixels = np.asarray(image, dtype=np.uint8).reshape(side, side, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:  # Pillow would clip them at 255
        values = np.asarray(image)
        small = np.empty(values.shape, np.uint8)
        flat, target = values.reshape(-1), small.reshape(-1)
        for start in range(0, flat.size, _PIECE):  # indices take eight bytes each
            piece = slice(start, start + _PIECE)
            target[piece] = _EIGHT_BITS[flat[piece].clip(0, 65535)]
        return Image.fromarray(small)
    if image.mode == "F":
        raise UnreadableError("holds floats, whose black and white nobody knows")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "has too many pixels"
    if isinstance(error, UnidentifiedImageError):
        return "holds no picture"
    return f"cannot be read: {str(error) or type(error).__name__}"
