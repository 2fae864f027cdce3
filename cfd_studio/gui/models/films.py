"""Estimates of images as films that a widget can paint."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from cfd_studio.gui.widgets.film import Film


def film_of(x_hats: NDArray[np.float32], levels: tuple[int, ...]) -> Film:
    """Return the film of one image; made on whatever thread has the estimates.

    Parameters
    ----------
    x_hats : ndarray, shape (steps, channels, height, width)
        About [-1, 1]; what lies outside is clipped.
    levels : tuple of int
        Falling, one per step.
    """
    steps, channels, height, width = x_hats.shape
    columns = math.isqrt(steps - 1) + 1
    rows = -(-steps // columns)
    pixels = np.full((rows * columns, height, width, 4), 255, dtype=np.uint8)
    seen = x_hats[:, :3] if channels >= 3 else x_hats[:, :1]
    pixels[:steps, ..., :3] = np.clip(np.round((seen + 1) * 127.5), 0, 255).transpose(0, 2, 3, 1)
    sheet = pixels.reshape(rows, columns, height, width, 4).transpose(0, 2, 1, 3, 4)
    data = np.ascontiguousarray(sheet)
    size = columns * width, rows * height
    image = QImage(data.data, *size, 4 * size[0], QImage.Format.Format_RGBA8888).copy()
    return Film(image, columns, width, height, levels)
