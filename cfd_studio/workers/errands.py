"""Errands: single tasks, carried out one after the other beside whatever is trained and drawn."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from cfd_studio.engine import mishaps
from cfd_studio.engine.estimate import estimate
from cfd_studio.engine.execution import choose_device, take_modest_threads
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.errands import Errand, ErrandAnswer, EstimateErrand, ExportErrand, ImportErrand
from cfd_studio.protocol.errors import CfdError
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.priority import lower_priority

_LOG = logging.getLogger(__name__)

# Closing waits so long for what is being done; nothing interrupts an export.
PATIENCE_SECONDS = 2.0

Answer = Callable[[ErrandAnswer], None]


class _Dropped(Exception):  # noqa: N818, it is no error
    """The errand being done is no longer wanted."""


class ErrandRunner:
    """Carries out errands in a thread of its own, the oldest first.

    An estimate shares the device by turns, and ends between two steps; an import or an export is one piece.

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
        self._errands: deque[tuple[Errand, Answer]] = deque()
        self._changed = threading.Condition()
        self._epoch = 0
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="cfd-errands", daemon=True)
        self._thread.start()

    def run(self, errand: Errand, answer: Answer) -> None:
        """Queue an errand; ``answer`` is called once, on this runner's thread."""
        with self._changed:
            self._errands.append((errand, answer))
            self._changed.notify()

    def cancel_errands(self) -> None:
        """Drop what waits and end what is being done, where it can end early; only an answer on its way may arrive."""
        with self._changed:
            self._errands.clear()
            self._epoch += 1

    def close(self) -> None:
        """Cancel, and end the thread as soon as it is free."""
        self.cancel_errands()
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(PATIENCE_SECONDS)

    def _serve(self) -> None:
        lower_priority(self._niceness)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._errands or self._closing)
                if self._closing:
                    return
                errand, answer = self._errands.popleft()
                epoch = self._epoch
            try:
                result = self._carry_out(errand, epoch)
            except _Dropped:
                continue
            except CfdError as error:
                result = ErrandAnswer(errand, error=str(error))
            except Exception as error:
                result = ErrandAnswer(errand, error=_explained(error, errand))
            self._fitness.note(result.error)
            if epoch == self._epoch:
                try:
                    answer(result)
                except Exception:  # the receiver's mistake must not end the errands of everybody
                    _LOG.exception("the receiver of an errand's answer failed")

    def _carry_out(self, errand: Errand, epoch: int) -> ErrandAnswer:
        take_modest_threads()
        match errand:
            case EstimateErrand():
                return self._estimate(errand, epoch)
            case ImportErrand():
                from cfd_studio.engine.importing import import_checkpoint

                return ErrandAnswer(errand, import_checkpoint(errand.file, errand.folder, data=errand.data))
            case ExportErrand():
                from cfd_studio.engine.exporting import export_model

                device = choose_device(errand.device)
                return ErrandAnswer(
                    errand, export_model(errand.run, errand.stage, errand.to, errand.out, device=device)
                )

    def _estimate(self, errand: EstimateErrand, epoch: int) -> ErrandAnswer:
        def still_wanted() -> None:
            if epoch != self._epoch:
                raise _Dropped

        device = choose_device(errand.device)
        try:
            found = estimate(errand.config, device, turn=self._turns, on_step=still_wanted)
        finally:
            mishaps.release_device_memory()
        return ErrandAnswer(errand, f"{errand.config.name} was tried on {device}.", estimate=found)


_DOING: dict[type, str] = {
    EstimateErrand: "estimating what the run costs",
    ImportErrand: "importing the checkpoint",
    ExportErrand: "exporting the model",
}


def _explained(error: Exception, errand: Errand) -> str:
    """Return the sentence for an error, and let go of what it holds on the device."""
    doing = _DOING[type(errand)]
    device = "cpu" if isinstance(errand, ImportErrand) else errand.device
    mishap = mishaps.explain(
        error, doing, device, "Wait until nothing else uses the device, or choose a smaller batch."
    )
    said = str(error).strip().partition("\n")[0].rstrip(".")
    sentence = str(mishap) if mishap else f"{doing.capitalize()} failed: {type(error).__name__}: {said}."
    if mishap is None:
        _LOG.error("%s failed", doing, exc_info=error)
    mishaps.forget(error)
    mishaps.release_device_memory()
    return sentence
