"""A set of drawn images on the disk, for eyes and for other people's evaluators."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.gallery import BATCH_SIZE, to_pixels
from cfd_studio.engine.models import Model
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM, Sampler
from cfd_studio.runs import atomic


def write_images(model: Model, out: Path, *, steps: int, count: int, seed: int, sampler: Sampler = DDIM) -> str:
    """Draw images into a new folder: ``000000.png`` and on, and all of them in ``samples.npz``.

    The array file is what the evaluator of Dhariwal & Nichol (2021) reads: ``arr_0`` is uint8 of shape (count, H, W,
    3), grey repeated; ``arr_1`` holds the classes where the model was asked for some. Never more than one batch of
    images is held at once.

    Returns
    -------
    str
        What was written, in a sentence.

    Raises
    ------
    CfdError
        Where the folder holds something already.
    OSError
        Where it cannot be written; then nothing is left.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CfdError("is not empty", where=str(out), advice="Choose a new or an empty folder.")
    _, height, width = model.shape
    labels = model.labels_in_turn(0, count)
    with (
        atomic.new_folder(out) as folder,
        zipfile.ZipFile(folder / "samples.npz", "w", zipfile.ZIP_STORED) as archive,
    ):
        with archive.open("arr_0.npy", "w", force_zip64=True) as stream:
            _begin(stream, (count, height, width, 3), np.dtype(np.uint8))
            index = 0
            for pixels in _batches(model, steps, count, seed, sampler):
                stream.write(pixels.tobytes())
                for image in pixels:
                    Image.fromarray(image).save(folder / f"{index:06d}.png")
                    index += 1
        if labels is not None:
            with archive.open("arr_1.npy", "w") as stream:
                _begin(stream, (count,), np.dtype(np.int64))
                stream.write(labels.numpy().tobytes())
    noun = "step" if steps == 1 else "steps"
    return f"{count:,} images of '{model.stage_id}' with {steps} {noun} are in {out}, and all of them in samples.npz."


def _batches(model: Model, steps: int, count: int, seed: int, sampler: Sampler) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, count, BATCH_SIZE):
        size = min(BATCH_SIZE, count - start)
        noise = starting_noise(seed, start, size, model.shape)
        yield to_pixels(model.draw(noise, steps, sampler=sampler, seed=seed, start=start).images)


def _begin(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
