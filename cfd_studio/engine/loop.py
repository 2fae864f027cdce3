"""The one training loop: it steps, listens, measures and saves."""

import itertools
import time
from dataclasses import dataclass

from cfd_studio.engine.audience import Audience
from cfd_studio.engine.controls import Controls, StopRequested
from cfd_studio.engine.optimizers import learning_rate
from cfd_studio.engine.ranks import Word
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.saving import Saver
from cfd_studio.engine.storage import Storage
from cfd_studio.engine.strips import Strips
from cfd_studio.engine.tally import Point
from cfd_studio.engine.trainer import Trainer
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.config import JournalConfig
from cfd_studio.protocol.errors import JobError
from cfd_studio.protocol.events import HeldOutLogged, LossLogged
from cfd_studio.runs.folder import RunFolder


@dataclass
class Loop:
    """Trains one stage to its end, or until it is asked to stop.

    Attributes
    ----------
    held_out_seed : int
        Fixes timesteps and noise of the held-out loss.
    strips : Strips or None
        What draws the same images again and again; None where nobody wants to see them.
    """

    run: RunFolder
    trainer: Trainer
    reporter: Reporter
    controls: Controls
    turns: Turns
    storage: Storage
    saver: Saver
    journal: JournalConfig
    held_out_seed: int
    strips: Strips | None = None

    def __post_init__(self) -> None:
        self.stage, self.state = self.trainer.stage, self.trainer.state
        self._reported = self.state.seconds

    def train(self) -> None:
        """Run the remaining steps.

        Raises
        ------
        StopRequested
            After saving, where the stop says *keep*.
        JobError
            Where a loss is not finite, or the run was taken over.
        """
        with self.saver:
            self._train()

    def _train(self) -> None:
        total, every = self.stage.steps, self.journal
        if self.state.unmeasured or (self.state.step == 0 and not self.trainer.validates):
            self._held_out()
        if self.strips and self.strips.due(self.state.step) and not self.strips.exists(self.state.step):
            self._draw_samples(self.strips)  # the very first, or one that an earlier job was stopped at
        while self.state.step < total:
            self._listen()
            self.trainer.ranks.say(Word.GO)
            began = time.monotonic()
            with self.turns:
                self.trainer.step()
            step = self.state.step
            due = step % every.log_every == 0 or step == total
            point = self.trainer.tally.read() if due else None  # waits for the device: that is part of the work
            self.state.seconds += time.monotonic() - began
            self.reporter.progress(self.stage.id, step, total)
            if point:
                self._report(point)
            if self.trainer.is_measured(every.held_out_every):
                self._held_out()
            if step == total:
                self._save()
            elif step % every.checkpoint_every == 0:
                self._save(behind=True)
            if self.strips and self.strips.due(step):
                self._draw_samples(self.strips)

    def _listen(self) -> None:
        while True:
            try:
                self.saver.look()
                self.controls.poll(can_save=True, pausing=self.saver.settle)
            except StopRequested as stop:
                self._save_before(stop)
                raise
            if not self.controls.saves:
                return
            self._save()

    def _save_before(self, stop: StopRequested) -> None:
        if not stop.keep or stop.unsaved:  # the disk took nothing a moment ago, and one stop is enough
            return
        try:
            self._save()
        except StopRequested:  # a second one, while the first waited for the disk
            self.controls.granted(stop.command)
            raise

    def _report(self, point: Point) -> None:
        """Write a point of the curve.

        Raises
        ------
        JobError
            Where something was not finite. The weights have not changed since, but only the newest checkpoint holds
            them together with the batch and the noise that come next.
        """
        elapsed, self._reported = self.state.seconds - self._reported, self.state.seconds
        norms, self.trainer.gradient_norms = self.trainer.gradient_norms, {}
        self.reporter.say(
            LossLogged(
                stage=self.stage.id,
                step=self.state.step,
                loss=sum(point.terms.values()),
                terms=point.terms if len(point.terms) > 1 else {},
                gradient_norm=point.gradient_norm,
                gradient_norms={name: float(norm) for name, norm in norms.items()},
                quarters=_short(point.quarters),
                vitals=_short(point.vitals),
                learning_rate=learning_rate(self.trainer.optimization, self.state.step - 1),
                images_per_second=point.images / max(elapsed, 1e-9),
            )
        )
        if point.bad_step is not None:
            where = f"at step {point.bad_step:,} of stage '{self.stage.id}'"
            raise JobError(
                f"{where} {_listed(point.bad_names)} stopped being finite",
                advice="Nothing of that was kept: the newest checkpoint is the last good state. "
                "Begin a new run with a lower learning rate or a smaller gradient clip.",
            )

    def _save(self, *, behind: bool = False) -> None:
        """Write a checkpoint; what is not finite is found first and never saved.

        Only what nobody asked for and nothing waits for is written behind the training.
        """
        if point := self.trainer.tally.read():
            self._report(point)
        try:
            self.saver.settle()
        except StopRequested as stop:
            self._save_before(stop)
            raise
        (self.saver.save_behind if behind else self.saver.save)(self.state.step, self.state.capture)
        while self.controls.saves and not behind:
            self.controls.granted(self.controls.saves.pop(0))

    def _held_out(self) -> None:
        """Measure on images that are not trained on, and listen meanwhile."""
        network, data, best = self.state.sampling_network, self.trainer.data, self.state.best
        self.state.unmeasured = True
        called, training = self.trainer.passes.eager().trained(network), network.training
        network.eval()
        with Audience(self.turns, self._listen).at_work() as between:
            measured = self.trainer.objective.held_out(called, data.held_out, self.held_out_seed, between)
        network.train(training)
        self.state.unmeasured = False
        if best and measured.accuracy is not None:
            best.offer(network, measured.accuracy, self.state.step)
        self.reporter.say(
            HeldOutLogged(
                images="validation" if self.trainer.validates else "held-out",
                stage=self.stage.id,
                step=self.state.step,
                loss=measured.loss,
                accuracy=measured.accuracy,
            )
        )

    def _draw_samples(self, strips: Strips) -> None:
        """Draw with the weights that the stage samples with, and listen before every network call."""
        network, step, calls = self.state.sampling_network, self.state.step, itertools.count()
        training = network.training

        def on_call() -> None:
            self.reporter.count(next(calls), strips.sampling_steps, "steps")
            self._listen()

        with self.reporter.within("drawing samples"):
            network.eval()
            images = strips.draw(self.trainer.passes.eager().trained(network), self.turns, on_call)
            network.train(training)
            self.storage.keep(
                f"the samples of step {step:,} of stage '{self.stage.id}'", lambda: strips.write(step, images)
            )


def _short(means: dict[str, float]) -> dict[str, float]:
    """Return means over a handful of images with the digits that they have: a journal may be a million lines long."""
    return {name: float(f"{mean:.6g}") for name, mean in means.items()}


def _listed(names: tuple[str, ...]) -> str:
    *others, last = (f"the {name}" for name in names)
    return f"{', '.join(others)} and {last}" if others else last
