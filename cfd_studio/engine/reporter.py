"""How a job speaks: losses gathered on the device, read once per point; everything else straight into the journal."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from cfd_studio.protocol.errors import JobError
from cfd_studio.protocol.events import Event, JobState, Logged, LossLogged, PhaseEntered
from cfd_studio.runs.folder import JobFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.runs.status import StatusWriter


class Reporter:
    """Writes a job's journal, status and log.

    Parameters
    ----------
    job : JobFolder
        Of which nobody else writes these three files.
    clock : callable, optional
        Seconds, rising.
    """

    def __init__(self, job: JobFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = JournalWriter(job.journal)
        self._status = StatusWriter(job.status)
        self._log = job.log.open("a", encoding="utf-8", buffering=1)
        self._clock = clock
        self._sums: Tensor | None = None
        self._names: list[str] = []
        self._begin()

    def say(self, event: Event) -> None:
        """Append an event to the journal."""
        self._journal.write(event)

    def log(self, text: str, level: str = "info") -> None:
        """Write a line into the journal and ``log.txt``."""
        event = Logged.model_validate({"level": level, "text": text})
        self.say(event)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
        self._log.write(f"{moment} {level:7} {text}\n")

    def phase(self, phase: str, stage: str | None = None) -> None:
        """Name what the job is busy with."""
        self.say(PhaseEntered(phase=phase, stage=stage))
        self._status.update(phase=phase, stage=stage, at_once=True)

    def state(self, state: JobState, sentence: str = "") -> None:
        """Set the job's state, visible at once."""
        self._status.update(state=state, sentence=sentence, at_once=True)

    def progress(self, stage: str, step: int, total_steps: int) -> None:
        """Set where the job is; it reaches the disk with the next heartbeat."""
        self._status.update(stage=stage, step=step, total_steps=total_steps)

    def add(self, terms: dict[str, Tensor], gradient_norm: Tensor, images: int) -> None:
        """Add one optimizer step's scalars, detached, without waiting for the device."""
        row = torch.stack([*(term.detach() for term in terms.values()), gradient_norm.detach()])
        self._sums = row if self._sums is None else self._sums + row
        self._names = list(terms)
        self._steps += 1
        self._images += images

    def pass_over(self, seconds: float) -> None:
        """Leave time that was not training out of the rate."""
        self._began += seconds

    def flush(self, stage: str, step: int, learning_rate: float) -> None:
        """Read the gathered scalars (the one wait for the device) and write a point of the curve.

        Raises
        ------
        JobError
            Where a term or the gradient norm is not finite.
        """
        if self._sums is None:
            return
        *terms, norm = (self._sums / self._steps).tolist()
        elapsed = self._clock() - self._began
        self.say(
            LossLogged(
                stage=stage,
                step=step,
                loss=sum(terms),
                terms=dict(zip(self._names, terms, strict=True)) if len(terms) > 1 else {},
                gradient_norm=norm,
                learning_rate=learning_rate,
                images_per_second=self._images / max(elapsed, 1e-9),
            )
        )
        names = [*self._names, "gradient norm"]
        self._begin()
        for name, value in zip(names, [*terms, norm], strict=True):
            if not math.isfinite(value):
                raise JobError(
                    f"the {name} of stage '{stage}' stopped being finite before step {step}",
                    advice="The newest checkpoint is kept; lower the learning rate in a new run.",
                )

    def close(self) -> None:
        """End the heartbeat and close the files."""
        self._status.close()
        self._journal.close()
        self._log.close()

    def _begin(self) -> None:
        self._sums = None
        self._steps = 0
        self._images = 0
        self._began = self._clock()
