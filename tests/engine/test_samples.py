"""Images in batches: rounded anywhere to the same bytes, from noise that is drawn ahead."""

import statistics
import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from cfd_studio.data.images import to_uint8
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_x
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.engine.gallery import draw
from cfd_studio.engine.noise_ahead import NoiseAhead
from cfd_studio.engine.samples import Drawing, Samples
from cfd_studio.protocol.sampling import DDIM

SHAPE = (3, 32, 32)


def _denoiser() -> Denoiser:
    return Denoiser(lambda z, _level: z, x_from_x, NoiseSchedule.cosine(8))  # type: ignore[arg-type]


def _batches(count: int, size: int, *, on_device: bool = True) -> Iterator[Tensor]:
    drawing = Drawing("weights", 8, 1, DDIM, True, 5, SHAPE, size)
    samples = Samples(drawing, rounding_on_device=on_device)
    yield from samples.batches(_denoiser(), count)
    samples.close()
    samples.forget()


def test_images_are_rounded_to_the_same_bytes_wherever_that_happens() -> None:
    noise = starting_noise(1, 0, 6, SHAPE)
    exact = draw(_denoiser(), noise, 8, 2, batch_size=4).images
    rounded = draw(_denoiser(), noise, 8, 2, batch_size=4, rounded=True).images
    assert rounded.dtype == torch.uint8
    assert torch.equal(rounded, to_uint8(exact))
    on_device, on_host = (torch.cat(list(_batches(6, 4, on_device=where))) for where in (True, False))
    assert torch.equal(on_device, on_host)


@pytest.mark.parametrize("starts", [(0, 4, 8), (0, 8)])  # what was kept of earlier batches is not drawn again
@pytest.mark.parametrize("ahead", [True, False])
def test_noise_drawn_ahead_is_the_noise_of_each_image(starts: tuple[int, ...], ahead: bool) -> None:
    with NoiseAhead(7, (1, 2, 2), 10, 4, ahead=ahead) as noise:
        for start in starts:
            size = min(4, 10 - start)
            assert torch.equal(noise.take(start), starting_noise(7, start, size, (1, 2, 2)))


def test_what_is_drawn_in_batches_depends_on_no_batch_and_is_taken_up_where_it_was_left() -> None:
    whole = torch.cat(list(_batches(10, 10)))
    half = Samples(Drawing("weights", 8, 1, DDIM, True, 5, SHAPE, 4))
    drawn = half.batches(_denoiser(), 10)
    first = next(drawn)
    drawn.close()  # type: ignore[attr-defined]
    half.close()
    assert torch.equal(torch.cat([first, *list(_batches(10, 4))[1:]]), whole)


@pytest.mark.slow
def test_drawing_noise_ahead_hides_it_behind_the_device() -> None:
    def seconds(ahead: bool) -> float:
        began = time.perf_counter()
        with NoiseAhead(5, SHAPE, 6 * 128, 128, ahead=ahead) as noise:
            for start in range(0, 6 * 128, 128):
                noise.take(start)
                time.sleep(0.01)  # about as long as one network call takes a GPU, while the host waits
        return time.perf_counter() - began

    ratios = [seconds(ahead=False) / seconds(ahead=True) for _ in range(7)]
    assert statistics.median(ratios) > 1.1, ratios
