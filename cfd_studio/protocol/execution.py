"""The execution plan: how this machine runs an experiment. Chosen at the start of a job, kept in ``job.json``."""

import sys
from typing import Any, Literal

from cfd_studio.protocol.fast_paths import UNCHOSEN, AskedPrecision, FastPaths, FastText, Precision, read_wishes
from cfd_studio.protocol.fields import PATH, Words, field

DEVICE = r"^(auto|cpu|cuda(:[0-9]{1,3})?|mps)$"
MOST_PROCESSES = 1024
MOST_PARTS = 65_536
Worker = Literal["thread", "process"]
# Beside Qt, torch cannot always be loaded on Windows.
DEFAULT_WORKER: Worker = "process" if sys.platform == "win32" else "thread"


class ExecutionRequest(Words):
    """What a person asks of the machine; ``auto`` and 0 leave the choice to a measurement."""

    device: str = field("auto, cpu, cuda or cuda:N.", label="Device", default="auto", pattern=DEVICE)
    threads: int = field("CPU threads; 0 measures which number is fastest.", label="Threads", default=0, ge=0, le=1024)
    worker: Worker = field(
        "Where a window's job runs: thread is in the window and ends with it; process goes on without it.",
        label="Runs",
        default=DEFAULT_WORKER,
    )
    processes: int = field(
        "Processes that share each batch, one per GPU; more than 1 never run in the window.",
        label="Processes",
        default=1,
        ge=1,
        le=MOST_PROCESSES,
    )
    accumulation: int = field(
        "Parts into which every batch but a classifier's is split to save memory, the batch stays what it is; 0 takes "
        "as many as the last job.",
        label="Batch parts",
        default=0,
        ge=0,
        le=MOST_PARTS,
    )
    precision: AskedPrecision = field(
        "Number format of the network passes; losses, targets and weights are float32 whatever it is. auto takes what "
        "the last job on such a device took, else what is fastest on it for a network of that size, but not bfloat16 "
        "for training students and classifiers.",
        label="Precision",
        default="auto",
    )
    fast: FastText = field(
        "Fast paths that are to be other than the measured defaults, or than those of the last job: off for none of "
        "them, or NAME=VALUE, NAME=VALUE.",
        label="Fast paths",
        default="",
        max_length=1024,
    )
    data_folder: str = field(
        "Where the images lie: a folder, or the file of arrays. Empty for the user's cache, into which data sets that "
        "torchvision knows are downloaded, and for where the last job found them.",
        label="Images",
        default="",
        max_length=4096,
        pattern=PATH,
    )
    inception_file: str = field(
        "File of the Inception-v3 weights that judge; empty to let torch-fidelity download them.",
        label="Inception weights",
        default="",
        max_length=4096,
        pattern=PATH,
    )

    @property
    def fast_wishes(self) -> dict[str, Any]:
        """The fast paths that are asked for by name; what is left open is not in it."""
        return read_wishes(self.fast)

    @property
    def apart(self) -> bool:
        """Whether the job needs, or was to have, a process of its own."""
        return self.worker == "process" or self.processes > 1


class ExecutionPlan(Words):
    """What was chosen. A resumed job uses the same plan again, so that it continues bitwise."""

    device: str = field("The device that computes.", label="Device", pattern=DEVICE)
    threads: int = field("CPU threads of the training thread.", label="Threads", ge=1, le=1024)
    precision: Precision = field("Number format of the network passes.", label="Precision", default="float32")
    distillation_precision: Precision = field(
        "Number format of the passes in which a student is trained.", label="Precision of students", default="float32"
    )
    fast: FastPaths = UNCHOSEN
    processes: int = field("Processes that share every batch.", label="Processes", default=1, ge=1, le=MOST_PROCESSES)
    accumulation: int = field(
        "Parts of every batch, one after the other.", label="Parts", default=1, ge=1, le=MOST_PARTS
    )
    data_folder: str = field(
        "Where the images lie; empty for the cache.", label="Images", default="", max_length=4096, pattern=PATH
    )
    data_key: str = field(
        "SHA-256 of the decoded images.", label="Images' key", default="", pattern=r"^([0-9a-f]{64})?$"
    )
    inception_file: str = field(
        "File of the weights that judge.", label="Inception", default="", max_length=4096, pattern=PATH
    )
