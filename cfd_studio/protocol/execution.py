"""The execution plan: how this machine runs an experiment. Chosen at the start of a job, kept in ``job.json``."""

from typing import Literal

from cfd_studio.protocol.fields import Words, field


class ExecutionRequest(Words):
    """What a person asks of the machine; ``auto`` and 0 leave the choice to a measurement."""

    device: str = field(
        "auto, cpu, cuda or cuda:N.", label="Device", default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$"
    )
    threads: int = field("CPU threads; 0 measures which number is fastest.", label="Threads", default=0, ge=0, le=1024)
    processes: int = field("Processes that share every batch.", label="Processes", default=1, ge=1, le=1024)
    accumulation: int = field(
        "Parts into which every batch is split to save memory, the batch stays what it is; 0 takes as many as the "
        "last job.",
        label="Accumulation",
        default=0,
        ge=0,
        le=65_536,
    )


class ExecutionPlan(Words):
    """What was chosen. A resumed job uses the same plan again, so that it continues bitwise."""

    device: str = field("The device that computes.", label="Device")
    threads: int = field("CPU threads of the training thread.", label="Threads", ge=1)
    precision: Literal["float32"] = "float32"
    processes: int = field("Processes that share every batch.", label="Processes", default=1, ge=1)
    accumulation: int = field("Parts of every batch, one after the other.", label="Parts", default=1, ge=1)
