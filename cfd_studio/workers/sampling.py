"""A sampling session: models kept on the device, the newest wish first."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine import mishaps
from cfd_studio.engine.execution import choose_device, take_modest_threads
from cfd_studio.engine.models import Model, open_models
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
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

    def request(self, request: SampleRequest, answer: Callable[[SampleAnswer], None]) -> None:
        """Queue a request; ``answer`` is called once, on the session's thread."""
        self._ask(request, answer)

    def cancel(self) -> None:
        """Drop what waits and end what is being drawn; only an answer on its way may still arrive."""
        self._drop()

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
        noise = starting_noise(wish.seed, 0, wish.count, model.shape)
        drawn = model.draw(
            noise,
            wish.sampling_steps,
            sampler=wish.sampler,
            seed=wish.seed,
            labels=model.labels(None if wish.label is None else [wish.label], wish.count),
            batch_size=BATCH_SIZE,
            turn=self._turns,
            on_call=self._still_wanted,
        )
        return SampleAnswer(wish, drawn.images.numpy(), drawn.seconds_per_image, drawn.network_calls)

    def _model(self, request: SampleRequest, device: str) -> Model:
        path = RunFolder(request.run).weights(request.stage)
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, device)
        if key not in self._models:
            self._models[key] = open_models(request.run, [request.stage], device)[0]
            while len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return self._models[key]
