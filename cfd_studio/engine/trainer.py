"""One optimizer step after the other; what all ranks do alike."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm

from cfd_studio.data.images import DataSet, to_float
from cfd_studio.engine.ahead import Ahead
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.gradient import batch_gradient
from cfd_studio.engine.idle_core import has_idle_core
from cfd_studio.engine.objectives import Objective
from cfd_studio.engine.optimizers import learning_rate
from cfd_studio.engine.passes import PLAIN, Passes
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.state import TrainingState
from cfd_studio.engine.tally import Tally
from cfd_studio.protocol.optimization import Optimization
from cfd_studio.protocol.stages import Stage


@dataclass
class Trainer:
    """A stage in training, without anybody who watches or saves it.

    Attributes
    ----------
    data : DataSet
        What is trained on, as far as `state.batches` says, and what is measured on; see `validates`. The training
        images lie on the training device, or in the computer's memory.
    ranks : Ranks
        Who shares the batches.
    parts : int
        Into which each rank's share of a batch is split to save memory.
    norms_every : int
        Steps between two measurements of each term's own gradient.
    passes : Passes
        How the network is passed through.
    tally : Tally
        The scalars of the steps.
    validates : bool
        Whether what is measured on are validation images, a part of the training images, once per epoch.
    gradient_norms : dict of str to Tensor
        The last measurement.
    """

    stage: Stage
    optimization: Optimization
    data: DataSet
    state: TrainingState
    objective: Objective
    ranks: Ranks
    parts: int
    norms_every: int
    passes: Passes = PLAIN
    validates: bool = False
    gradient_norms: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._called = self.passes.trained(self.state.network)
        self._weights = list(self.state.network.parameters())
        self._network: nn.Module = self.ranks.spread(self._called)
        device = next(self.state.network.parameters()).device
        self.tally = Tally(device)
        self._ahead: Ahead | None = None
        # A part of a batch or a share of it is what saves memory: then nobody holds the targets of a whole one.
        alone = self.ranks.size == self.parts == 1 and device.type == "cpu"
        # Nothing is compiled on two threads at once.
        eager = self.passes.fast.compilation == "off"
        if self.passes.fast.idle_core and alone and eager and self.objective.foresees and has_idle_core():
            self._ahead = Ahead(self.state, self._draw, self.objective.foresee)

    def step(self) -> None:
        """Do one optimizer step, without waiting for the device."""
        state, optimization = self.state, self.optimization
        self.passes.compiler.begin_step()
        with self.ranks.together(), state.own_randomness(), self.passes.arithmetic():
            batch = self._ahead.take(last=state.step + 1 == self.stage.steps) if self._ahead else self._draw()
            measure = (state.step + 1) % self.norms_every == 0
            self._forget_gradient()
            terms, norms, gauges = batch_gradient(
                self._network, self.objective, batch, self.ranks, self.parts, measure=measure
            )
            self.gradient_norms = norms or self.gradient_norms
            norm = clip_grad_norm_(state.with_gradient(), optimization.gradient_clip or math.inf)
            self.tally.add(terms, norm, state.step + 1, len(batch), gauges)
            if not self.passes.fast.deferred_reading:
                norm.item()
            state.descend(learning_rate(optimization, state.step), self.tally.tripped)

    def rehearse(self, ahead: int) -> dict[str, float]:
        """Do all of a coming step but move the weights, this rank on its own, and forget it.

        Parameters
        ----------
        ahead : int
            Which step: 0 for the next.

        Returns
        -------
        dict of str to float
            The terms of this rank's share, and the norm of the gradient; the state is, to the last bit, what it was.
        """
        state = self.state
        position, noise = state.batches.position, state.generator.get_state()
        buffers = [buffer.clone() for buffer in state.network.buffers()]
        state.batches.position += ahead
        self._forget_gradient()
        self.passes.compiler.begin_step()
        try:
            with state.own_randomness(), self.passes.arithmetic():
                batch, alone = self._draw(), self.ranks.silent()
                terms, _, _ = batch_gradient(
                    self._called, self.objective, batch, alone, self.parts, measure=self.norms_every <= self.stage.steps
                )
            gradient = get_total_norm([weight.grad for weight in self._weights if weight.grad is not None])
            return {name: float(value) for name, value in {**terms, "gradient": gradient}.items()}
        finally:
            self._forget_gradient()
            for buffer, before in zip(state.network.buffers(), buffers, strict=True):
                buffer.copy_(before)
            state.batches.position = position
            state.generator.set_state(noise)

    def is_measured(self, every: int) -> bool:
        """Return whether to measure after this step: the last, the end of an epoch, or else each of so many."""
        step, batch, count = self.state.step, self.optimization.batch_size, self.state.batches.count
        if step == self.stage.steps:
            return True
        if self.validates:
            return step * batch // count > (step - 1) * batch // count
        return step % every == 0

    def close(self) -> None:
        """End what goes on beside the steps; there will be no more of them."""
        if self._ahead:
            self._ahead.close()

    def _forget_gradient(self) -> None:
        for weight in self._weights:
            weight.grad = None

    def _draw(self) -> Batch:
        pixels, labels = self.data.train.some(next(self.state.batches), self.state.generator.device)
        images = to_float(pixels)
        if self.data.flip:
            mirrored = torch.rand(len(images), 1, 1, 1, generator=self.state.generator, device=images.device) < 0.5
            images = torch.where(mirrored, images.flip(3), images)
        return self.objective.draw(images, labels, self.state.generator)
