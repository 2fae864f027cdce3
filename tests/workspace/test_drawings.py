"""Drawn images that are kept: in a bounded room, and only what a session would have answered."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest, in_a_row
from cfd_studio.workspace.drawings import Drawings, digest_of
from cfd_studio.workspace.folders import drawings_folder

IMAGES_OF_A_FIFTH = 800  # of 8x8 float32: 200 KiB of 1 MiB


def _answer(seed: int, count: int = IMAGES_OF_A_FIFTH) -> SampleAnswer:
    images: NDArray[np.float32] = np.full((count, 1, 8, 8), seed, dtype=np.float32)
    request = SampleRequest(Path("run"), "teacher", 2, in_a_row(seed, count))
    return SampleAnswer(request, images, 0.25, 2)


def test_what_was_longest_unused_makes_room_and_nothing_takes_a_large_part_of_it() -> None:
    drawings = Drawings(1)
    keys = [digest_of(str(seed)) for seed in range(6)]
    for seed, key in enumerate(keys):
        drawings.keep(key, _answer(seed))
        os.utime(drawings_folder() / key, ns=(seed, seed))
    assert [drawings.recall(key, _answer(seed).request) is not None for seed, key in enumerate(keys)] == [
        False, True, True, True, True, True,
    ]  # fmt: skip
    drawings.keep(keys[0], _answer(0, count=1100))
    assert drawings.recall(keys[0], _answer(0, count=1100).request) is None
    known = drawings.recall(keys[5], _answer(5).request)
    assert known is not None
    assert known.cached
    np.testing.assert_array_equal(known.images, _answer(5).images)
    assert (known.seconds_per_image, known.network_calls, known.timesteps) == (0.25, 2, ())
    assert drawings.recall(keys[5], _answer(5, count=3).request) is None  # what answers another request
    drawings.set_room(0)
    assert drawings.recall(keys[5], _answer(5).request) is None
    assert Drawings(0).recall(keys[5], _answer(5).request) is None
