"""The experiment: everything that decides what a run computes, and nothing of the machine it runs on."""

from typing import Literal

from cfd_studio.protocol.data import DataConfig
from cfd_studio.protocol.fields import Words, field
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.protocol.stages import (
    ClassifierStage,
    DiffusionStage,
    Stage,
)

FORMAT_VERSION: Literal[4] = 4
MOST_STAGES = 1000


class ScheduleConfig(Words):
    """The noise schedule of the whole lineage (cosine)."""

    num_timesteps: int = field(
        "Levels T of the base grid; the teacher's own number of sampling steps.",
        label="Timesteps",
        unit="levels",
        basic=True,
        ge=8,
        le=8192,
    )
    clean_end: bool = field(
        "Whether level 0 is free of noise. Off, the table is that of the published CFD code, whose images keep the "
        "little noise of its level 0.",
        label="Clean end",
        default=True,
    )


class NetworkConfig(Words):
    """The U-Net that teacher and students share."""

    channels: int = field(
        "Channels of the first level; even.", label="Channels", default=128, ge=4, le=1024, multiple_of=2
    )
    multipliers: tuple[int, ...] = field(
        "Channels of each level as multiples of the first; each further level halves the image.",
        label="Multipliers",
        default=(1, 2, 2, 2),
        min_length=1,
        max_length=8,
    )
    attention_levels: tuple[int, ...] = field(
        "Levels with self-attention, counted from 0; the middle always has it.", label="Attention levels", default=(1,)
    )
    residual_blocks: int = field("Residual blocks per level.", label="Residual blocks", default=2, ge=1, le=16)
    norm_groups: int = field("Groups of each GroupNorm.", label="Norm groups", default=32, ge=1, le=256)
    conditional: bool = field(
        "Whether the network is told the class of an image, and draws the class it is asked for.",
        label="Class-conditional",
        default=False,
    )
    label_dropout: float = field(
        "Share of training images whose class is hidden, so that a class-conditional network draws without one too.",
        label="Label dropout",
        default=0.1,
        ge=0.0,
        le=1.0,
    )

    @property
    def null_label(self) -> bool:
        """Whether it is told classes, and also learns to draw without one: then it can be guided."""
        return self.conditional and self.label_dropout > 0


class EvaluationConfig(Words):
    """How quality is measured at the end of every stage."""

    judge: str | None = field(
        "The classifier stage whose features judge, never used in distillation; empty for none.",
        label="Judge",
        default=None,
    )
    inception: bool = field(
        "Also judge with Inception-v3: FID, KID, Inception score, precision and recall.",
        label="Inception",
        default=False,
    )
    samples: int = field("Images drawn per figure.", label="Samples", default=2000, unit="images", ge=16, le=1_000_000)
    sampling_steps: tuple[int, ...] = field(
        "Step counts judged beside each model's own.", label="Step counts", default=(1, 2, 4)
    )
    most_steps: int = field(
        "A model made for more steps than this is judged at this many instead.",
        label="Most steps",
        default=8192,
        unit="calls",
        ge=1,
        le=8192,
    )
    sampler: Sampler = Sampler()
    batch_size: int = field("Images drawn at once.", label="Batch size", default=500, unit="images", ge=1, le=65_536)

    def judged_steps(self, own_steps: int) -> tuple[int, ...]:
        """Return the step counts at which a model is judged, most first: its own or the most, and those asked for."""
        most = min(own_steps, self.most_steps)
        return tuple(sorted({most, *(steps for steps in self.sampling_steps if steps <= most)}, reverse=True))

    @property
    def main_space(self) -> str:
        """The feature space whose figure stands for a model where there is room for one."""
        return self.judge or ("inception" if self.inception else "pixels")


class JournalConfig(Words):
    """How often a run says and saves something."""

    log_every: int = field(
        "Steps between two points of the loss curve.", label="Log every", default=20, unit="steps", ge=1
    )
    held_out_every: int = field(
        "Steps between two held-out losses.", label="Held-out every", default=100, unit="steps", ge=1
    )
    checkpoint_every: int = field(
        "Steps between two checkpoints.", label="Checkpoint every", default=500, unit="steps", ge=1
    )
    gradient_norms_every: int = field(
        "Steps between two measurements of the gradient norm of each term, where a loss has several.",
        label="Gradient norms every",
        default=100,
        unit="steps",
        ge=1,
    )
    samples_every: int = field(
        "Steps between two pictures of the same few samples, drawn while a model is trained; 0 for none.",
        label="Samples every",
        default=0,
        unit="steps",
        ge=0,
    )
    tensorboard: bool = field(
        "Also write TensorBoard event files, into the folder of each job.", label="TensorBoard", default=False
    )
    keep_checkpoints: int = field(
        "Newest checkpoints kept per stage.", label="Keep checkpoints", default=2, ge=1, le=1000
    )


class RunConfig(Words):
    """One experiment, fully resolved: what ``config.json`` holds and never changes."""

    format_version: Literal[4] = FORMAT_VERSION
    name: str = field("What the window calls the run.", label="Name", basic=True, min_length=1, max_length=80)
    seed: int = field(
        "Seed of weights, batches, noise and timesteps.", label="Seed", default=0, basic=True, ge=0, lt=2**31
    )
    data: DataConfig
    schedule: ScheduleConfig
    prediction: Literal["x", "eps", "v"] = field(
        "What the network predicts; one that predicts eps cannot be distilled.", label="Prediction", default="v"
    )
    clip_samples: bool = field(
        "Clip every estimate of the image to [-1, 1] while sampling.", label="Clip samples", default=True
    )
    clip_targets: bool = field(
        "Clip the teacher's estimates to [-1, 1] in the target of a student as well.",
        label="Clip targets",
        default=False,
    )
    network: NetworkConfig
    stages: tuple[Stage, ...] = field(
        "The stage tree, parents before children.", label="Stages", min_length=1, max_length=MOST_STAGES
    )
    evaluation: EvaluationConfig
    journal: JournalConfig = JournalConfig()

    def stage(self, stage_id: str) -> Stage:
        """Return the stage of that id, which must exist."""
        return next(stage for stage in self.stages if stage.id == stage_id)

    def own_steps(self, stage: DiffusionStage) -> int:
        """Return how many network calls a model was made for."""
        return stage.sampling_steps or self.schedule.num_timesteps

    def sampler_for(self, stage: Stage, sampler: Sampler | None = None) -> Sampler:
        """Return how a model is sampled: as is asked for, or as the config says, but students are never guided.

        They have learnt by heart what guidance their stage gives them, and would add it a second time.
        """
        sampler = sampler or self.evaluation.sampler
        return sampler if stage.parent is None else sampler.unguided

    def diffusion_stages(self) -> tuple[DiffusionStage, ...]:
        """Return teacher and students in the order they are trained."""
        return tuple(stage for stage in self.stages if not isinstance(stage, ClassifierStage))
