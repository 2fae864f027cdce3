"""Arrays of images as pictures, and how far two of them are apart."""

import math
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QImage

HEAT = "inferno"


def arrangement(count: int) -> tuple[int, int]:
    """Return columns and rows of the block in which images are kept; the grid shows them in its own way."""
    columns = 1
    while columns * columns < count:
        columns *= 2
    return min(columns, count), -(-count // columns)


def block_image(images: NDArray[np.float32]) -> QImage:
    """Return images in [-1, 1], shape (count, channels, height, width), laid out as in `arrangement`."""
    pixels = np.clip(np.round((images + 1) * 127.5), 0, 255).astype(np.uint8)
    pixels = np.repeat(pixels, 3, axis=1) if pixels.shape[1] == 1 else pixels[:, :3]
    return _block(pixels.transpose(0, 2, 3, 1))


def _block(pixels: NDArray[np.uint8]) -> QImage:
    """Return colours, shape (count, height, width, 3), as one picture."""
    count, height, width, _ = pixels.shape
    columns, rows = arrangement(count)
    sheet = np.zeros((rows * height, columns * width, 4), dtype=np.uint8)
    for index in range(count):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width, :3] = pixels[index]
        sheet[top : top + height, left : left + width, 3] = 255
    return QImage(sheet.data, columns * width, rows * height, 4 * columns * width, QImage.Format.Format_RGBA8888).copy()


def heat_colours() -> NDArray[np.uint8]:
    """Return the 256 colours from no difference to the largest, shape (256, 3)."""
    return np.asarray(pg.colormap.get(HEAT).getLookupTable(nPts=256, alpha=False), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two sets of images are apart, pixel by pixel; values are shares of the range from black to white.

    Attributes
    ----------
    heat : QImage
        The mean over the channels, laid out as in `arrangement`; black is 0, the lightest colour ``largest``.
    largest, mean : float
        The largest value of the map, and the mean absolute difference.
    signal_to_noise : float
        Peak signal-to-noise ratio in dB, 10 log10(1 / mean squared difference); infinite for equal images.
    """

    heat: QImage
    largest: float
    mean: float
    signal_to_noise: float


def difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> Difference | None:
    """Compare images in [-1, 1], shape (count, channels, height, width); None where the shapes differ."""
    if first.shape != second.shape:
        return None
    apart = (first.astype(np.float64) - second) / 2
    mean_square = float(np.mean(apart**2))
    by_pixel = np.abs(apart).mean(axis=1)
    largest = float(by_pixel.max())
    shades = np.zeros(by_pixel.shape, dtype=np.uint8)
    if largest > 0:
        shades = np.round(by_pixel / largest * 255).astype(np.uint8)
    ratio = -10 * math.log10(mean_square) if mean_square > 0 else math.inf
    return Difference(_block(heat_colours()[shades]), largest, float(np.abs(apart).mean()), ratio)
