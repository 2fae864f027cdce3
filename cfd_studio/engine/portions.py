"""How many images a network is given at once where nobody has chosen a batch size."""

_PIXELS = 32 * 32


def images_at_once(most: int, side_height: int, side_width: int) -> int:
    """Return how many images to take at once: ``most``, and of larger ones than 32x32 fewer, so that as many pixels.

    Parameters
    ----------
    most : int
        Above 0.
    side_height, side_width : int
        Of an image as the network sees it, in pixels.

    Returns
    -------
    int
        From 1 to ``most``.
    """
    return max(1, min(most, most * _PIXELS // (side_height * side_width)))
