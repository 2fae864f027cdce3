"""The one training loop."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from cfd_studio.data.images import DataSet, to_float
from cfd_studio.engine.checkpoint import save_checkpoint
from cfd_studio.engine.controls import Controls, StopRequested
from cfd_studio.engine.objectives import Objective
from cfd_studio.engine.reporter import Reporter
from cfd_studio.engine.state import TrainingState, learning_rate
from cfd_studio.engine.storage import Storage
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.config import JournalConfig
from cfd_studio.protocol.events import CheckpointSaved, HeldOutLogged
from cfd_studio.protocol.stages import Stage
from cfd_studio.runs.folder import RunFolder


@dataclass
class Loop:
    """Trains one stage to its end, or until it is asked to stop.

    Attributes
    ----------
    data : DataSet
        Both splits on the training device.
    held_out_seed : int
        Fixes timesteps and noise of the held-out loss.
    """

    run: RunFolder
    stage: Stage
    data: DataSet
    state: TrainingState
    objective: Objective
    reporter: Reporter
    controls: Controls
    turns: Turns
    storage: Storage
    journal: JournalConfig
    held_out_seed: int

    def train(self) -> None:
        """Run the remaining steps.

        Raises
        ------
        StopRequested
            After saving, where the stop says *keep*.
        JobError
            Where a loss is not finite, or the run was taken over.
        """
        total = self.stage.optimization.steps
        if self.state.step == 0:
            self._held_out()
        while self.state.step < total:
            began = time.monotonic()
            try:
                self._poll()
            except StopRequested as stop:
                if stop.keep:
                    self._save()
                raise
            waited = time.monotonic() - began
            with self.turns, self.state.own_randomness():
                rate = self._step()
            self.state.seconds += time.monotonic() - began - waited
            step = self.state.step
            self.reporter.progress(self.stage.id, step, total)
            if step % self.journal.log_every == 0 or step == total:
                self.reporter.flush(self.stage.id, step, rate)
            if step % self.journal.held_out_every == 0 or step == total:
                self._held_out()
            if step % self.journal.checkpoint_every == 0 or step == total:
                self._save()

    def _step(self) -> float:
        """Do one optimizer step and return its learning rate."""
        state, optimization = self.state, self.stage.optimization
        images, labels = self._batch()
        terms = self.objective.terms(state.network, images, labels, state.generator)
        loss = torch.stack(list(terms.values())).sum()
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_grad_norm_(state.network.parameters(), optimization.gradient_clip)
        rate = learning_rate(optimization, state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.step()
        if state.ema:
            state.ema.update(state.network)
        state.step += 1
        self.reporter.add(terms, norm, len(images))
        return rate

    def _batch(self) -> tuple[Tensor, Tensor]:
        chosen = next(self.state.batches).to(self.data.train.images.device)
        images = to_float(self.data.train.images[chosen])
        if self.data.flip:
            mirrored = torch.rand(len(images), 1, 1, 1, generator=self.state.generator, device=images.device) < 0.5
            images = torch.where(mirrored, images.flip(3), images)
        return images, self.data.train.labels[chosen]

    def _poll(self) -> None:
        self.controls.poll(can_save=True)
        while self.controls.saves:
            self._save()
            self.controls.poll(can_save=True)

    def _save(self) -> None:
        """Write a checkpoint; a loss that is not finite is found first and is never saved."""
        self.reporter.flush(self.stage.id, self.state.step, learning_rate(self.stage.optimization, self.state.step))
        folder, step, state = self.run.stage(self.stage.id), self.state.step, self.state
        self.storage.keep(
            f"the checkpoint of step {step:,} of stage '{self.stage.id}'",
            lambda: save_checkpoint(folder, step, state.capture(), self.journal.keep_checkpoints),
        )
        self.reporter.say(CheckpointSaved(stage=self.stage.id, step=step))
        while self.controls.saves:
            self.controls.granted(self.controls.saves.pop(0))

    def _held_out(self) -> None:
        network = self.state.sampling_network
        training = network.training
        network.eval()
        with self.turns:
            measured = self.objective.held_out(network, self.data.held_out, self.held_out_seed)
        network.train(training)
        self.reporter.say(
            HeldOutLogged(stage=self.stage.id, step=self.state.step, loss=measured.loss, accuracy=measured.accuracy)
        )
