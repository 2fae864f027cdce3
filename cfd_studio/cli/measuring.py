"""How far a measurement is, drawn on standard error."""

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cfd_studio.engine.audience import Audience
from cfd_studio.engine.wishes import Ways
from cfd_studio.protocol.stages import DiffusionStage


class Bars:
    """A bar for the real images and one for the models, of which every image counts as often as it has steps.

    Attributes
    ----------
    looking, drawing : Audience
        Of whoever looks at the real images, and of whoever judges the models in their order.
    """

    def __init__(self, name: str, samples: int, wanted: Sequence[tuple[DiffusionStage, Ways]]) -> None:
        self._steps = [steps for _, ways in wanted for steps, _ in ways]
        self._done = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[images]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._models = self._progress.add_task(
            f"Drawing and judging {name}", total=samples * sum(self._steps), images=""
        )
        self._real = self._progress.add_task("Looking at real images", visible=False, images="")
        self.looking = Audience(progress=self._look)
        self.drawing = Audience(progress=self._draw)

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def measured(self, model: str) -> None:
        """Say that all figures of a model are there, where no bar is seen."""
        if not self._progress.console.is_terminal:
            self._progress.console.print(f"Model '{model}' is measured.", highlight=False, markup=False)

    def _look(self, done: int, total: int) -> None:
        shown = f"{done:,} of {total:,}"
        self._progress.update(self._real, completed=done, total=total, images=shown, visible=done < total)

    def _draw(self, done: int, total: int) -> None:
        steps = self._steps[0]
        shown = f"{done:,} of {total:,} images"
        self._progress.update(self._models, completed=self._done + steps * done, images=shown)
        if done == total:
            self._done += steps * total
            self._steps.pop(0)
