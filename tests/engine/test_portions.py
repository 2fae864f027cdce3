"""How many images are taken at once."""

import pytest

from cfd_studio.engine.portions import images_at_once


@pytest.mark.parametrize(
    ("most", "height", "width", "expected"),
    [(1000, 8, 8, 1000), (1000, 32, 32, 1000), (512, 64, 64, 128), (1000, 32, 64, 500), (512, 4096, 4096, 1)],
)
def test_as_many_pixels_are_taken_at_once_as_of_small_images_and_at_least_one_image(
    most: int, height: int, width: int, expected: int
) -> None:
    assert images_at_once(most, height, width) == expected
