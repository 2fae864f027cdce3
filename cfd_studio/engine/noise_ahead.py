"""Starting noise for batch after batch, the next drawn while the device works on the one before."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from torch import Tensor

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.build import ImageShape


class NoiseAhead:
    """Draws what `starting_noise` draws; use it as a context manager.

    A GPU makes images with one network call about as fast as one core draws their noise, which lets other threads run
    meanwhile.

    Parameters
    ----------
    seed : int
    shape : (int, int, int)
        Channels, height, width.
    count : int
        Images in all.
    batch_size : int
    ahead : bool
        Whether the next batch is begun in a thread of its own; where the network has the processor, that gains nothing.
    """

    def __init__(self, seed: int, shape: ImageShape, count: int, batch_size: int, *, ahead: bool) -> None:
        self._seed = seed
        self._shape = shape
        self._count = count
        self._batch_size = batch_size
        self._ahead = ahead
        self._helper = ThreadPoolExecutor(1, "noise")  # which begins no thread before there is something to draw
        self._begun: tuple[int, Future[Tensor]] | None = None

    def __enter__(self) -> "NoiseAhead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._helper.shutdown(cancel_futures=True)

    def take(self, start: int) -> Tensor:
        """Return the noise of the batch from image ``start`` on, shape (B, C, H, W), and begin with the next."""
        begun, self._begun = self._begun, None
        noise = begun[1].result() if begun is not None and begun[0] == start else self._draw(start)
        following = start + self._batch_size
        if self._ahead and following < self._count:
            self._begun = following, self._helper.submit(self._draw, following)
        return noise

    def _draw(self, start: int) -> Tensor:
        return starting_noise(self._seed, start, min(self._batch_size, self._count - start), self._shape)
