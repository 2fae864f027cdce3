"""A sampling session: models kept on the device, the newest wish first."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine import mishaps
from cfd_studio.engine.execution import choose_device, take_modest_threads
from cfd_studio.engine.extraction import FeatureExtractor, open_classifier
from cfd_studio.engine.gallery import Drawn
from cfd_studio.engine.models import Model, open_models
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, SampleRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.desk import Desk
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.memory import Memory
from cfd_studio.workers.shelf import Shelf

MODELS_KEPT = 4
CLASSIFIERS_KEPT = 2
BATCH_SIZE = 64
MOST_TRAJECTORY_MIB = 256


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
    memory : Memory, optional
        Keeps the answers for whoever asks it first.
    """

    def __init__(
        self, turns: Turns, niceness: int = 0, fitness: Fitness | None = None, memory: Memory | None = None
    ) -> None:
        self._turns = turns
        self._device = "cpu"
        self._models: Shelf[Model] = Shelf(MODELS_KEPT)
        self._classifiers: Shelf[FeatureExtractor] = Shelf(CLASSIFIERS_KEPT)
        self._memory = memory
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
        self._classifiers.clear()
        mishaps.release_device_memory()
        return sentence

    def _serve(self, wish: SampleRequest) -> SampleAnswer:
        take_modest_threads()
        self._device = choose_device(wish.device)
        return self._memory.keep(wish, self._answer) if self._memory else self._answer(wish)

    def _answer(self, wish: SampleRequest) -> SampleAnswer:
        model = self._model(wish)
        if wish.trajectory:
            _check_size(model, wish)
        drawn = [self._draw(model, wish, *row) for row in _rows(wish.keys)]
        images = torch.cat([part.images for part in drawn])
        seconds = sum(part.seconds_per_image * len(part.images) for part in drawn)
        answer = SampleAnswer(wish, images.numpy(), seconds / wish.count, drawn[0].network_calls)
        if wish.trajectory:
            x_hats = torch.cat([part.x_hats for part in drawn if part.x_hats is not None], dim=1)
            answer = replace(answer, x_hats=x_hats.numpy(), timesteps=drawn[0].timesteps)
        if wish.classifier is not None:
            seen = self._classifier(wish, wish.classifier)(images, self._turns, self._still_wanted)
            answer = replace(answer, features=seen.features.numpy(), logits=seen.logits.numpy())
        return answer

    def _draw(self, model: Model, wish: SampleRequest, seed: int, start: int, count: int) -> Drawn:
        return model.draw(
            starting_noise(seed, start, count, model.shape),
            wish.sampling_steps,
            sampler=wish.sampler,
            seed=seed,
            start=start,
            labels=model.labels(None if wish.label is None else [wish.label], count),
            batch_size=BATCH_SIZE,
            trajectory=wish.trajectory,
            turn=self._turns,
            on_call=self._still_wanted,
        )

    def _model(self, wish: SampleRequest) -> Model:
        return self._models.get(
            self._origin(wish, wish.stage), lambda: open_models(wish.run, [wish.stage], self._device, "auto")[0]
        )

    def _classifier(self, wish: SampleRequest, stage: str) -> FeatureExtractor:
        return self._classifiers.get(
            (*self._origin(wish, stage), wish.classifier_input),
            lambda: open_classifier(wish.run, stage, self._device, wish.classifier_input),
        )

    def _origin(self, wish: SampleRequest, stage: str) -> tuple[object, ...]:
        """Return what tells the weights of a stage on this device from others."""
        path = RunFolder(wish.run).weights(stage)
        return path, path.stat().st_mtime_ns if path.exists() else 0, self._device


def _check_size(model: Model, wish: SampleRequest) -> None:
    """Make sure that the estimates at every step fit into bounded memory."""
    mib = 4 * wish.sampling_steps * wish.count * math.prod(model.shape) / 2**20
    if mib > MOST_TRAJECTORY_MIB:
        raise CfdError(
            f"the estimates of {wish.count} image{'s' if wish.count != 1 else ''} by '{wish.stage}' at "
            f"{wish.sampling_steps} steps take {mib:,.0f} MiB, and {MOST_TRAJECTORY_MIB} are allowed",
            advice="Ask for fewer images or fewer steps.",
        )


def _rows(keys: Sequence[ImageKey]) -> Iterator[tuple[int, int, int]]:
    """Yield (seed, start, count) of each stretch of successive images."""
    start = 0
    for end in range(1, len(keys) + 1):
        before = keys[end - 1]
        if end == len(keys) or keys[end] != ImageKey(before.seed, before.index + 1):
            yield keys[start].seed, keys[start].index, end - start
            start = end
