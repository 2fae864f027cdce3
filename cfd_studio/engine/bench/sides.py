"""One way of computing the rows of a size: plain, fast, or fast without one of its paths."""

from collections.abc import Callable

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.bench.machine import allocated
from cfd_studio.engine.bench.sizes import Row, config_of, sized
from cfd_studio.engine.bench.work import Drawing, Training, Work
from cfd_studio.engine.passes import exact
from cfd_studio.engine.rehearsal import Rehearsal
from cfd_studio.protocol.execution import ExecutionPlan
from cfd_studio.protocol.fast_paths import Precision
from cfd_studio.protocol.stages import ClassifierStage, TeacherStage


class Side:
    """Makes the work of rows by one plan; a model that draws is made once and kept.

    Parameters
    ----------
    plan : ExecutionPlan
    tell : callable
        Told where a fast path of the plan could not be taken.
    """

    def __init__(self, plan: ExecutionPlan, tell: Callable[[str], None]) -> None:
        self.plan = plan
        self._tell = tell
        self._drawn: tuple[Denoiser, int] | None = None

    def precision(self, row: Row) -> Precision:
        """Return the number format of a row's network passes."""
        stage = config_of(row.preset).stage(row.stage)
        if row.calls or isinstance(stage, TeacherStage):
            return self.plan.precision
        if isinstance(stage, ClassifierStage):
            return exact(self.plan.precision, self.plan.device)
        return self.plan.distillation_precision

    def work(self, row: Row, batch: int | None) -> Work:
        """Return the work of a row, before anything is done.

        Parameters
        ----------
        row : Row
            Of one size, if it is a drawing.
        batch : int or None
            Images at once; None for as many as the preset has.
        """
        config, device = config_of(row.preset), self.plan.device
        stage = config.stage(row.stage)
        rehearsal = Rehearsal(config, self.plan)
        if not row.calls:
            return Training(rehearsal, sized(stage, batch), device, self._tell)
        assert not isinstance(stage, ClassifierStage)
        if self._drawn is None:
            before = allocated(device)
            self._drawn = rehearsal.model(stage), before
        return Drawing(rehearsal, batch or config.evaluation.batch_size, row.calls, device, *self._drawn)
