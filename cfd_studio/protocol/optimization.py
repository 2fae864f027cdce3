"""How the weights of a stage are fitted."""

from typing import Literal

from cfd_studio.protocol.fields import Words, field


class Optimization(Words):
    """How the weights of one stage are fitted: optimizer, learning-rate schedule, clipping and an optional EMA."""

    steps: int = field("Optimizer steps of this stage.", label="Steps", unit="steps", basic=True, ge=1, le=100_000_000)
    batch_size: int = field(
        "Images per optimizer step.", label="Batch size", unit="images", basic=True, ge=1, le=65_536
    )
    optimizer: Literal["adam", "sgd"] = field(
        "adam (AdamW where there is weight decay), or SGD with momentum, the custom for classifiers.",
        label="Optimizer",
        default="adam",
    )
    learning_rate: float = field("Peak learning rate.", label="Learning rate", basic=True, gt=0.0, le=1.0)
    learning_rate_schedule: Literal["constant", "cosine", "linear", "step"] = field(
        "What the learning rate does after the warm-up: stay, fall to 0 along a half cosine or a line, or fall to a "
        "tenth at half and again at three quarters of the stage.",
        label="Schedule",
        default="cosine",
    )
    momentum: float = field("Momentum of SGD; Adam ignores it.", label="Momentum", default=0.9, ge=0.0, lt=1.0)
    nesterov: bool = field("Whether SGD's momentum is Nesterov's.", label="Nesterov", default=False)
    warmup_steps: int = field(
        "Steps over which the learning rate rises linearly from 0.", label="Warm-up", default=0, unit="steps", ge=0
    )
    gradient_clip: float | None = field(
        "Largest allowed L2 norm of the gradient; larger ones are scaled down to it; empty for no limit.",
        label="Gradient clip",
        default=1.0,
        gt=0.0,
    )
    ema_decay: float | None = field(
        "Decay of the moving average of the weights, ramped as min(decay, (1 + n) / (10 + n)); empty for none.",
        label="EMA decay",
        default=None,
        gt=0.0,
        lt=1.0,
    )
    ema_half_life: float | None = field(
        "Images after which an old weight counts half in the moving average, ramped as the decay; instead of it.",
        label="EMA half-life",
        default=None,
        unit="images",
        gt=0.0,
        le=1e12,
    )
    weight_decay: float = field(
        "Weight decay: decoupled with Adam (AdamW), part of the gradient with SGD; 0 for none.",
        label="Weight decay",
        default=0.0,
        ge=0.0,
        le=1.0,
    )

    @property
    def average_decay(self) -> float | None:
        """Decay per step of the moving average of the weights, in (0, 1); None where there is none."""
        if self.ema_half_life is not None:
            return float(0.5 ** (self.batch_size / self.ema_half_life))
        return self.ema_decay
