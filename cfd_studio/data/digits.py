"""scikit-learn's handwritten digits."""

import numpy as np
import torch

from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.data.source import held_out_split


def load_digits() -> DataSet:
    """Return scikit-learn's handwritten digits, 1,797 images of 1x8x8.

    The held-out split is a fifth of each class, drawn once and for all: it depends on no seed of a run. Digits are not
    flipped: a mirrored 2 is no 2.
    """
    from sklearn.datasets import load_digits as read_digits

    pixels, classes = read_digits(return_X_y=True)
    images = torch.from_numpy(np.rint(pixels * (255 / 16)).astype(np.uint8)).view(-1, 1, 8, 8)
    labels = classes.astype(np.int64)
    held_out = torch.from_numpy(held_out_split(labels, 0.2))
    known = torch.from_numpy(labels)
    return DataSet.of(
        "digits",
        ImageSet(images[~held_out], known[~held_out]),
        ImageSet(images[held_out], known[held_out]),
        class_names=tuple("0123456789"),
    )
