"""``cfd-studio train`` and ``cfd-studio resume``."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cfd_studio.cli.machine_options import Fast, Precision, read_precision
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import MOST_PARTS, MOST_PROCESSES, ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.status import read_status

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0 measures which number is fastest.")]
Processes = Annotated[
    int,
    typer.Option(
        "--nproc", min=1, max=MOST_PROCESSES, metavar="N", help="Processes that share every batch (torchrun)."
    ),
]
Accumulation = Annotated[
    int,
    typer.Option(
        "--accumulate",
        min=0,
        max=MOST_PARTS,
        metavar="PARTS",
        help="Split every batch but a classifier's to save memory; 0 takes as many parts as the last job.",
    ),
]
DataFolder = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Where the images lie: a folder, or the file of arrays; by default the cache, or where the last job found "
        "them.",
    ),
]
InceptionFile = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="Weights of Inception-v3 where it judges; by default the last job's, or torch-fidelity's, which are "
        "downloaded.",
    ),
]


def train(
    recipe: Annotated[str, typer.Argument(metavar="PRESET_OR_CONFIG", help="A preset's name or a JSON file.")],
    run: Annotated[Path, typer.Option("--run", "--run-dir", metavar="DIR", help="The new run's folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Replace a value: stages.teacher.optimization.steps=500."),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN[:STAGE]",
            help="Distil a trained model of another run, by default its teacher, instead of training one.",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = 0,
    processes: Processes = 1,
    accumulation: Accumulation = 0,
    precision: Precision = "auto",
    fast: Fast = None,
    data: DataFolder = "",
    inception_file: InceptionFile = "",
) -> None:
    """Make a run and train all its stages."""
    from cfd_studio.cli.recipes import read_config
    from cfd_studio.engine.data_checks import check_place
    from cfd_studio.engine.defaults import check_precision
    from cfd_studio.engine.execution import choose_device

    request = execution_request(device, threads, processes, accumulation, data, inception_file, precision, fast)
    config = read_config(recipe, settings or [], teacher)
    check_precision(request.precision, choose_device(device, processes))  # before the folder is made
    check_place(config.data.name, data)
    code = work(run, lambda path: RunFolder.create(path, config), request)
    if code and config.data.name not in ("digits", "none") and _failed_before_training(RunFolder(run)):
        typer.echo(
            f"The run is made, and nothing of it is trained: mend that and go on with `cfd-studio resume "
            f"{shlex.quote(str(run))} --data PATH`, or begin a new run in another folder.",
            err=True,
        )
    raise typer.Exit(code)


def resume(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    device: Device = "auto",
    threads: Threads = 0,
    processes: Processes = 1,
    accumulation: Accumulation = 0,
    precision: Precision = "auto",
    fast: Fast = None,
    data: DataFolder = "",
    inception_file: InceptionFile = "",
) -> None:
    """Go on with a run from its newest checkpoint."""
    request = execution_request(device, threads, processes, accumulation, data, inception_file, precision, fast)
    raise typer.Exit(work(run, RunFolder.open, request))


def _failed_before_training(run: RunFolder) -> bool:
    """Tell whether the newest job failed on its images: those that it found are kept with its plan."""
    jobs = run.jobs()
    status = read_status(jobs[-1].status) if jobs else None
    return status is not None and status.state is JobState.FAILED and jobs[-1].read_plan() is None


def execution_request(
    device: str,
    threads: int = 0,
    processes: int = 1,
    accumulation: int = 0,
    data: str = "",
    inception_file: str = "",
    precision: str = "auto",
    fast: Sequence[str] | None = None,
) -> ExecutionRequest:
    """Return what is asked of the machine.

    Raises
    ------
    CfdError
        Where the device has no such name, there is no such number format or fast path, or the path of a file is
        endless.
    """
    from pydantic import ValidationError

    from cfd_studio.protocol.errors import CfdError

    asked = read_precision(precision)
    try:
        return ExecutionRequest(
            device=device,
            threads=threads,
            processes=processes,
            accumulation=accumulation,
            precision=asked,
            fast=", ".join(fast or ()),
            data_folder=data,
            inception_file=inception_file,
        )
    except ValidationError as error:
        if (wrong := error.errors()[0])["loc"] == ("fast",):
            raise CfdError(wrong["msg"].removeprefix("Value error, "), where="--fast") from None
        place = {"data_folder": "--data", "inception_file": "--inception-file"}.get(str(wrong["loc"][0]))
        if place is not None:
            raise CfdError("no path is that long", where=place, advice="Give a shorter one.") from None
        raise CfdError(f"'{device}' is no device", where="--device", advice="Use auto, cpu, cuda or cuda:N.") from None


def work(path: Path, open_run: Callable[[Path], RunFolder], request: ExecutionRequest) -> int:
    """Train a run and follow it here; return the exit code.

    Parameters
    ----------
    path : Path
        The run's folder.
    open_run : callable
        Opens or makes it.
    request : ExecutionRequest
    """
    from cfd_studio.cli.follow import follow
    from cfd_studio.engine.ranks import announced_size
    from cfd_studio.engine.turns import Turns
    from cfd_studio.workers.thread import ThreadLauncher
    from cfd_studio.workers.torchrun import start_torchrun

    if announced_size() > 1:
        from cfd_studio.cli.several import work_as_one_of_several

        return work_as_one_of_several(path, open_run, request)
    run = open_run(path)
    if request.processes > 1:
        return follow(run, partial(start_torchrun, run, request))
    return follow(run, partial(ThreadLauncher(Turns()).start, run, request))
