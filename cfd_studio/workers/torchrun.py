"""Several processes that share every batch of one job, started by torch's own launcher."""

import sys

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.process import ProcessJob, told_options


def start_torchrun(run: RunFolder, request: ExecutionRequest) -> ProcessJob:
    """Start ``torchrun`` with as many processes as the request wants; returns at once.

    They stand in a session of their own, so that a Ctrl-C reaches whoever follows them and not each of them as well.

    Raises
    ------
    CfdError
        Where there is no Python interpreter to start them with.
    """
    if getattr(sys, "frozen", False):
        raise CfdError(
            "this build of the program cannot start several processes",
            where="--nproc",
            advice="Use one process, or a Python environment with CFD Studio in it.",
        )
    return ProcessJob(run, torchrun_command(run, request))


def torchrun_command(run: RunFolder, request: ExecutionRequest) -> list[str]:
    """Return the command line with which several processes go on with a run."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(request.processes), "-m", "cfd_studio"),
        *("resume", str(run.path.absolute()), "--device", request.device),
        *("--threads", str(request.threads), "--accumulate", str(request.accumulation)),
        *told_options(request),
    ]
