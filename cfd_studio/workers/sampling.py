"""A sampling session: models kept on the device, the newest wish first."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine import mishaps
from cfd_studio.engine.execution import choose_device, take_modest_threads
from cfd_studio.engine.models import Model, open_models
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.priority import lower_priority

MODELS_KEPT = 4
BATCH_SIZE = 64

_LOG = logging.getLogger(__name__)

Answer = Callable[[SampleAnswer], None]


class _Dropped(Exception):  # noqa: N818, it is no error
    """The request being drawn is no longer wanted."""


class SamplingSession:
    """Draws images in a thread of its own. It writes into no run and touches no global random number generator.

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
        self._niceness = niceness
        self._fitness = fitness or Fitness()
        self._wishes: list[tuple[SampleRequest, Answer]] = []
        self._changed = threading.Condition()
        self._epoch = 0
        self._closing = False
        self._models: OrderedDict[tuple[Path, int, str], Model] = OrderedDict()
        self._thread = threading.Thread(target=self._serve, name="cfd-sampling", daemon=True)
        self._thread.start()

    def request(self, request: SampleRequest, answer: Answer) -> None:
        """Queue a request; ``answer`` is called once, on the session's thread."""
        with self._changed:
            self._wishes.append((request, answer))
            self._changed.notify()

    def cancel(self) -> None:
        """Drop what waits and end what is being drawn; only an answer on its way may still arrive."""
        with self._changed:
            self._wishes.clear()
            self._epoch += 1

    def close(self) -> None:
        """Cancel and end the thread."""
        self.cancel()
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        lower_priority(self._niceness)
        take_modest_threads()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wishes or self._closing)
                if self._closing:
                    return
                request, answer = self._wishes.pop()
                epoch = self._epoch
            device = request.device
            try:
                device = choose_device(device)
                result = self._draw(request, device, epoch)
            except _Dropped:
                continue
            except CfdError as error:
                result = SampleAnswer(request, error=str(error))
            except Exception as error:
                result = SampleAnswer(request, error=self._recover(error, request, device))
            self._fitness.note(result.error)
            if epoch == self._epoch:
                try:
                    answer(result)
                except Exception:  # the receiver's mistake must not end the session for everybody
                    _LOG.exception("the receiver of a sampling answer failed")

    def _recover(self, error: Exception, request: SampleRequest, device: str) -> str:
        """Let go of everything on the device, so that the next request finds it as the first one did."""
        doing = f"drawing {request.count} images of '{request.stage}'"
        advice = "Ask for fewer images, or wait until nothing else uses the device."
        mishap = mishaps.explain(error, doing, device, advice)
        sentence = str(mishap) if mishap else f"Sampling failed: {type(error).__name__}: {error}."
        mishaps.forget(error)
        self._models.clear()
        mishaps.release_device_memory()
        return sentence

    def _draw(self, request: SampleRequest, device: str, epoch: int) -> SampleAnswer:
        def still_wanted() -> None:
            if epoch != self._epoch:
                raise _Dropped

        model = self._model(request, device)
        noise = starting_noise(request.seed, 0, request.count, model.shape)
        drawn = model.draw(
            noise,
            request.sampling_steps,
            sampler=request.sampler,
            seed=request.seed,
            labels=model.labels(None if request.label is None else [request.label], request.count),
            batch_size=BATCH_SIZE,
            turn=self._turns,
            on_call=still_wanted,
        )
        return SampleAnswer(request, drawn.images.numpy(), drawn.seconds_per_image, drawn.network_calls)

    def _model(self, request: SampleRequest, device: str) -> Model:
        path = RunFolder(request.run).weights(request.stage)
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, device)
        if key not in self._models:
            self._models[key] = open_models(request.run, [request.stage], device)[0]
            while len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return self._models[key]
