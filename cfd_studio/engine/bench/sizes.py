"""What is measured: rows of a table, each a stage of a preset."""

from dataclasses import dataclass
from functools import cache

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.stages import Stage
from cfd_studio.workspace.resources import presets

LEVELS = 1024  # of every schedule here, so that 64 network calls are possible; what a call costs does not change
NEVER = 10**9  # steps: a bench is over before


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work.

    Attributes
    ----------
    name, preset, stage : str
    calls : int
        Network calls in which images are drawn; 0 for optimizer steps.
    """

    name: str
    preset: str
    stage: str
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Size:
    """Networks and images that belong together.

    Attributes
    ----------
    name : str
    rows : tuple of Row
        Drawings last.
    batch, cpu_batch : int or None
        Images at once, where nobody says; None for the preset's own numbers.
    """

    name: str
    rows: tuple[Row, ...]
    batch: int | None = None
    cpu_batch: int | None = None

    def batch_on(self, device: str) -> int | None:
        """Return the images at once on a device."""
        return self.cpu_batch if device == "cpu" else self.batch


def _drawings(preset: str) -> tuple[Row, ...]:
    return tuple(Row(f"sample-{calls}", preset, "teacher", calls) for calls in (1, 4, 8, 64))


SIZES = {
    one.name: one
    for one in (
        Size(
            "cifar10",
            (
                Row("teacher", "cifar10-paper", "teacher"),
                Row("pd", "cifar10-paper", "pd-8"),
                Row("cfd-resnet18", "cifar10-paper-resnet18", "cfd-4"),
                Row("cfd-densenet201", "cifar10-paper", "cfd-4"),
                Row("classifier-resnet18", "cifar10-paper-resnet18", "classifier"),
                *_drawings("cifar10-paper"),
            ),
            batch=128,
            cpu_batch=16,
        ),
        Size(
            "digits",
            (
                Row("teacher", "digits", "teacher"),
                Row("pd", "digits", "pd-8"),
                Row("cfd-cnn", "digits", "cfd-4"),
                Row("classifier-cnn", "digits", "classifier"),
                *_drawings("digits"),
            ),
        ),
    )
}


@cache
def config_of(preset: str) -> RunConfig:
    """Return a preset's config, which measures no gradient norms in between and has `LEVELS` levels."""
    config = resolve(strict_json.loads(presets()[preset].read_bytes()))
    schedule = config.schedule.model_copy(update={"num_timesteps": LEVELS})
    journal = config.journal.model_copy(update={"gradient_norms_every": NEVER})
    return config.model_copy(update={"schedule": schedule, "journal": journal})


def sized(stage: Stage, batch: int | None) -> Stage:
    """Return a stage with another batch size, which never ends and whose weights stay where they are."""
    assert stage.optimization is not None
    changes = {"batch_size": batch or stage.optimization.batch_size, "steps": NEVER, "learning_rate": 0.0}
    return stage.model_copy(update={"optimization": stage.optimization.model_copy(update=changes)})
