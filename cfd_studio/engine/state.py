"""Everything that changes while a stage trains, and therefore everything that a checkpoint holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cfd_studio.data.batches import Batches
from cfd_studio.engine.best import Best
from cfd_studio.engine.ema import Ema
from cfd_studio.engine.gathered import Gathered
from cfd_studio.engine.optimizers import build_optimizer, check_moments, lay_moments
from cfd_studio.protocol.fast_paths import UNCHOSEN, FastPaths
from cfd_studio.protocol.optimization import Optimization

_GENERATORS = (5056, 16, 44)  # bytes of a state on the CPU, CUDA and Metal


@dataclass
class TrainingState:
    """One stage in training.

    Attributes
    ----------
    generator : torch.Generator
        Timesteps, noise and flips, on the training device; the same on every rank.
    dropout_seed : int
        Of this rank, together with the step; see `own_randomness`.
    step : int
        Optimizer steps done.
    seconds : float
        Spent training so far, over all jobs.
    unmeasured : bool
        Whether the weights of this step are still to be measured: somebody stopped the job while they were.
    best : Best or None
        The weights of the best epoch, where a stage ends with those.
    gathered : Gathered or None
        The network's weights, where they lie in one piece.
    """

    network: nn.Module
    optimizer: Optimizer
    ema: Ema | None
    generator: torch.Generator
    batches: Batches
    dropout_seed: int
    step: int = 0
    seconds: float = 0.0
    unmeasured: bool = False
    best: Best | None = None
    gathered: Gathered | None = None

    @classmethod
    def fresh(
        cls,
        network: nn.Module,
        optimization: Optimization,
        batches: Batches,
        seed: int,
        rank: int = 0,
        fast: FastPaths = UNCHOSEN,
    ) -> "TrainingState":
        """Return the state before the first step; a student's network already holds its parent's weights."""
        device = next(network.parameters()).device
        decay = optimization.average_decay
        weights = list(network.parameters())
        gathered = None
        if fast.gathered_weights and all(weight.is_contiguous() for weight in weights):
            gathered = Gathered(network)
            weights = [gathered.whole]
        ema = Ema(network, decay, foreach=fast.foreach_average, gathered=gathered) if decay is not None else None
        return cls(
            network=network,
            optimizer=build_optimizer(weights, optimization, fused=fast.fused_optimizer),
            ema=ema,
            generator=torch.Generator(device).manual_seed(seed),
            batches=batches,
            dropout_seed=(seed + 1 + rank) % 2**63,
            gathered=gathered,
        )

    @property
    def sampling_network(self) -> nn.Module:
        """The weights that the stage samples with: the average where there is one."""
        return self.ema.network if self.ema else self.network

    @property
    def kept_network(self) -> nn.Module:
        """The weights that the stage ends with: the best where those are asked for, else what it samples with."""
        return self.best.network if self.best else self.sampling_network

    @contextmanager
    def own_randomness(self) -> Iterator[None]:
        """Set the process-wide generator of the training device, which dropout draws from, and give it back after.

        It starts anew for every step from this rank's seed and the step, so nothing of it has to be saved, and what
        others draw in this process, another job in another thread for example, never reaches this stage. The caller
        holds the turn of the device.
        """
        device = next(self.network.parameters()).device
        shared = torch.default_generator
        if device.type == "cuda":
            shared = torch.cuda.default_generators[device.index or 0]
        elif device.type == "mps":
            shared = torch.mps._get_default_mps_generator()
        outside = shared.get_state()
        shared.manual_seed(_mixed(self.dropout_seed, self.step))
        try:
            yield
        finally:
            shared.set_state(outside)

    def _draw_on(self, drawn: Tensor) -> None:
        """Go on drawing where a generator was; where that was one of another kind of device, from this step's seed."""
        if drawn.shape == self.generator.get_state().shape:
            self.generator.set_state(drawn)
        elif drawn.numel() in _GENERATORS:
            self.generator.manual_seed(_mixed(self.generator.initial_seed(), self.step))
        else:
            raise ValueError("no generator has such a state")

    def with_gradient(self) -> list[nn.Parameter]:
        """Return the weights as the optimizer moves them, with the gradient that lies in the network."""
        if self.gathered:
            self.gathered.gather_gradient()
        weights: list[nn.Parameter] = self.optimizer.param_groups[0]["params"]
        return weights

    def descend(self, rate: float, masked: Tensor) -> None:
        """Do one optimizer step with the gradient of `with_gradient`, and follow with the average.

        Parameters
        ----------
        rate : float
            The learning rate.
        masked : Tensor, scalar on the device
            Where it is 1 neither weights nor average change, without the host knowing.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.optimizer.defaults["fused"]:
            self.optimizer.found_inf = masked  # type: ignore[attr-defined]  # the way of torch's own GradScaler
            self.optimizer.step()
        elif not masked:
            self.optimizer.step()
        if self.ema:
            self.ema.update(masked)
        self.step += 1

    def capture(self) -> dict[str, Any]:
        """Return everything that `restore` needs, as tensors and plain values."""
        optimizer = self.optimizer.state_dict()
        if self.gathered:  # a checkpoint is the same, however weights lie
            optimizer["state"] = self.gathered.apart(optimizer["state"])
        return {
            "network": self.network.state_dict(),
            "optimizer": optimizer,
            "ema": self.ema.network.state_dict() if self.ema else None,
            "ema_updates": self.ema.updates if self.ema else 0,
            "generator": self.generator.get_state(),
            "position": self.batches.position,
            "step": self.step,
            "seconds": self.seconds,
            "unmeasured": self.unmeasured,
            "best": self.best.capture() if self.best else None,
        }

    def restore(self, captured: dict[str, Any]) -> None:
        """Go back to a captured state, bitwise.

        Raises
        ------
        ValueError, KeyError, RuntimeError, TypeError, AttributeError
            Where it is not one of this stage.
        """
        step, position = captured["step"], captured["position"]
        if type(step) is not int or type(position) is not int or min(step, position) < 0:
            raise ValueError("step and position are whole numbers")
        self.network.load_state_dict(captured["network"])
        moments = captured["optimizer"]["state"]
        check_moments(self.optimizer, list(self.network.parameters()), moments, step)
        if self.gathered:
            moments = self.gathered.together(moments)
        own = self.optimizer.state_dict()["param_groups"]  # what a file says of them is not needed, nor trusted
        self.optimizer.load_state_dict({"state": moments, "param_groups": own})
        lay_moments(self.optimizer)
        if self.ema:
            self.ema.network.load_state_dict(captured["ema"])
            self.ema.updates = captured["ema_updates"]
        if self.best:
            self.best.restore(captured["best"])
        self.batches.position = position
        self.step = step
        self._draw_on(captured["generator"].cpu())
        self.seconds = float(captured["seconds"])
        self.unmeasured = captured.get("unmeasured") is True  # older checkpoints do not say: nobody could stop there


def _mixed(seed: int, step: int) -> int:
    return int.from_bytes(sha256(f"{seed} {step}".encode()).digest()[:7])
