"""The execution plan: how this machine runs an experiment. Chosen at the start of a job, kept in ``job.json``."""

from typing import Literal

from cfd_studio.protocol.fields import Words, field

DEVICE = r"^(auto|cpu|cuda(:[0-9]{1,3})?|mps)$"


class ExecutionRequest(Words):
    """What a person asks of the machine; ``auto`` and 0 leave the choice to a measurement."""

    device: str = field("auto, cpu, cuda or cuda:N.", label="Device", default="auto", pattern=DEVICE)
    threads: int = field("CPU threads; 0 measures which number is fastest.", label="Threads", default=0, ge=0, le=1024)


class ExecutionPlan(Words):
    """What was chosen. A resumed job uses the same plan again, so that it continues bitwise."""

    device: str = field("The device that computes.", label="Device", pattern=DEVICE)
    threads: int = field("CPU threads of the training thread.", label="Threads", ge=1, le=1024)
    precision: Literal["float32"] = "float32"
