"""All pictures of a source, one after the other, as bytes of one size."""

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cfd_studio.data.pictures import decode_picture
from cfd_studio.data.source import Picture, Source, UnreadableError

_AT_ONCE = 64


def decode(source: Source, side: int, channels: int) -> Generator[NDArray[np.uint8] | UnreadableError]:
    """Yield each picture as uint8 of shape (channels, side, side), or why it cannot be read.

    They are decoded by half of the cores, and few at a time: the next ones only once these were taken.
    """
    work = partial(_attempt, side=side, channels=channels)
    pictures = source.pictures()
    with ThreadPoolExecutor(max(1, min(8, (os.cpu_count() or 1) // 2)), "cfd-decode") as pool:
        while some := list(islice(pictures, _AT_ONCE)):
            yield from pool.map(work, some)


def _attempt(picture: Picture, side: int, channels: int) -> NDArray[np.uint8] | UnreadableError:
    try:
        return decode_picture(picture, side, channels)
    except UnreadableError as error:
        return error
