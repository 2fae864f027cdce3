"""Errands: single tasks, carried out one after the other beside whatever is trained and drawn."""

import logging
from collections.abc import Callable

from cfd_studio.engine import mishaps
from cfd_studio.engine.estimate import estimate
from cfd_studio.engine.execution import choose_device, take_modest_threads
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.errands import (
    Errand,
    ErrandAnswer,
    EstimateErrand,
    EvaluateErrand,
    ExportErrand,
    ImportErrand,
)
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.desk import Desk
from cfd_studio.workers.fitness import Fitness

_LOG = logging.getLogger(__name__)

# Closing waits so long for what is being done; nothing interrupts an export.
PATIENCE_SECONDS = 2.0


class ErrandRunner(Desk[Errand, ErrandAnswer]):
    """Carries out errands, the oldest first.

    An estimate or an evaluation shares the device by turns, and ends between two steps; an import or an export is one
    piece.

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
        super().__init__("cfd-errands", niceness, fitness, newest_first=False)

    def run(self, errand: Errand, answer: Callable[[ErrandAnswer], None], *, owner: str = "") -> None:
        """Queue an errand of an owner; ``answer`` is called once, on this runner's thread."""
        self._ask(errand, answer, owner)

    def cancel_errands(self, owner: str | None = None) -> None:
        """Drop what waits and end what is being done, of one owner or of all, where it can end early.

        Only an answer on its way may arrive.
        """
        self._drop(owner)

    def close(self) -> None:
        """Cancel, and end the thread as soon as it is free."""
        self._close(PATIENCE_SECONDS)

    def _failed(self, wish: Errand, sentence: str) -> ErrandAnswer:
        return ErrandAnswer(wish, error=sentence)

    def _explained(self, wish: Errand, error: Exception) -> str:
        doing = _DOING[type(wish)]
        advice = "Wait until nothing else uses the device, or choose a smaller batch."
        mishap = mishaps.explain(error, doing, self._device, advice)
        said = str(error).strip().partition("\n")[0].rstrip(".")
        sentence = str(mishap) if mishap else f"{doing.capitalize()} failed: {type(error).__name__}: {said}."
        if mishap is None:
            _LOG.error("%s failed", doing, exc_info=error)
        mishaps.forget(error)
        mishaps.release_device_memory()
        return sentence

    def _serve(self, wish: Errand) -> ErrandAnswer:
        take_modest_threads()
        self._device = "cpu" if isinstance(wish, ImportErrand) else choose_device(wish.device)
        match wish:
            case EstimateErrand():
                return self._estimate(wish)
            case ImportErrand():
                from cfd_studio.engine.importing import import_checkpoint

                return ErrandAnswer(
                    wish,
                    import_checkpoint(
                        wish.file, wish.folder, data=wish.data, image_size=wish.image_size, name=wish.name
                    ),
                )
            case ExportErrand():
                from cfd_studio.engine.exporting import export_model

                return ErrandAnswer(wish, export_model(wish.run, wish.stage, wish.to, wish.out, device=self._device))
            case EvaluateErrand():
                return self._evaluate(wish)

    def _estimate(self, errand: EstimateErrand) -> ErrandAnswer:
        try:
            found = estimate(
                errand.config,
                self._device,
                precision=errand.precision,
                fast=errand.fast,
                turn=self._turns,
                on_step=self._still_wanted,
            )
        finally:
            mishaps.release_device_memory()
        return ErrandAnswer(errand, f"{errand.config.name} was tried on {self._device}.", estimate=found)

    def _evaluate(self, errand: EvaluateErrand) -> ErrandAnswer:
        from cfd_studio.engine.measuring import evaluate_run

        run = RunFolder.open(errand.run)
        try:
            said = evaluate_run(run, errand.wishes, self._device, turns=self._turns, poll=self._still_wanted)
        finally:
            mishaps.release_device_memory()
        return ErrandAnswer(errand, said)


_DOING: dict[type, str] = {
    EstimateErrand: "estimating what the run costs",
    ImportErrand: "importing the checkpoint",
    ExportErrand: "exporting the model",
    EvaluateErrand: "judging the models",
}
