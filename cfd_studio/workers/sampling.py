"""A sampling session: models kept on the device, the newest wish first."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine import mishaps
from cfd_studio.engine.execution import choose_device, take_modest_threads
from cfd_studio.engine.gallery import Drawn
from cfd_studio.engine.models import Model, open_models
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, SampleRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.desk import Desk
from cfd_studio.workers.fitness import Fitness

MODELS_KEPT = 4
BATCH_SIZE = 64


class SamplingSession(Desk[SampleRequest, SampleAnswer]):
    """Draws images, the newest wish first. It writes into no run and touches no global random number generator.

    Parameters
    ----------
    turns : Turns
        Shared with the jobs of the same device.
    niceness : int, optional
        Of its thread.
    fitness : Fitness, optional
        Told of the errors of the device.
    """

    def __init__(self, turns: Turns, niceness: int = 0, fitness: Fitness | None = None) -> None:
        self._turns = turns
        self._device = "cpu"
        self._models: OrderedDict[tuple[Path, int, str], Model] = OrderedDict()
        super().__init__("cfd-sampling", niceness, fitness, newest_first=True)

    def request(self, request: SampleRequest, answer: Callable[[SampleAnswer], None], *, owner: str = "") -> None:
        """Queue a request of an owner; ``answer`` is called once, on the session's thread."""
        self._ask(request, answer, owner)

    def cancel(self, owner: str | None = None) -> None:
        """Drop what waits and end what is being drawn, of one owner or of all; an answer on its way may still come."""
        self._drop(owner)

    def close(self) -> None:
        """Cancel and end the thread."""
        self._close()

    def _failed(self, wish: SampleRequest, sentence: str) -> SampleAnswer:
        return SampleAnswer(wish, error=sentence)

    def _explained(self, wish: SampleRequest, error: Exception) -> str:
        doing = f"drawing {wish.count} images of '{wish.stage}'"
        advice = "Ask for fewer images, or wait until nothing else uses the device."
        mishap = mishaps.explain(error, doing, self._device, advice)
        sentence = str(mishap) if mishap else f"Sampling failed: {type(error).__name__}: {error}."
        mishaps.forget(error)
        self._models.clear()
        mishaps.release_device_memory()
        return sentence

    def _serve(self, wish: SampleRequest) -> SampleAnswer:
        take_modest_threads()
        self._device = choose_device(wish.device)
        model = self._model(wish, self._device)
        drawn = [self._draw(model, wish, *row) for row in _rows(wish.keys)]
        images = np.concatenate([part.images.numpy() for part in drawn])
        seconds = sum(part.seconds_per_image * len(part.images) for part in drawn)
        return SampleAnswer(wish, images, seconds / wish.count, drawn[0].network_calls)

    def _draw(self, model: Model, wish: SampleRequest, seed: int, start: int, count: int) -> Drawn:
        return model.draw(
            starting_noise(seed, start, count, model.shape),
            wish.sampling_steps,
            sampler=wish.sampler,
            seed=seed,
            start=start,
            labels=model.labels(None if wish.label is None else [wish.label], count),
            batch_size=BATCH_SIZE,
            turn=self._turns,
            on_call=self._still_wanted,
        )

    def _model(self, request: SampleRequest, device: str) -> Model:
        path = RunFolder(request.run).weights(request.stage)
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, device)
        if key not in self._models:
            self._models[key] = open_models(request.run, [request.stage], device)[0]
            while len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return self._models[key]


def _rows(keys: Sequence[ImageKey]) -> Iterator[tuple[int, int, int]]:
    """Yield (seed, start, count) of each stretch of successive images."""
    start = 0
    for end in range(1, len(keys) + 1):
        before = keys[end - 1]
        if end == len(keys) or keys[end] != ImageKey(before.seed, before.index + 1):
            yield keys[start].seed, keys[start].index, end - start
            start = end
