"""``cfd-studio train`` and ``cfd-studio resume``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0 measures which number is fastest.")]


def train(
    recipe: Annotated[str, typer.Argument(metavar="PRESET_OR_CONFIG", help="A preset's name or a JSON file.")],
    run: Annotated[Path, typer.Option("--run", metavar="DIR", help="The new run's folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Replace a value: stages.teacher.optimization.steps=500."),
    ] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Make a run and train all its stages."""
    from cfd_studio.cli.recipes import read_config
    from cfd_studio.engine.execution import choose_device

    request = execution_request(device, threads)
    config = read_config(recipe, settings or [])
    choose_device(device)  # before the folder is made
    folder = RunFolder.create(run, config)
    raise typer.Exit(work(folder, request))


def resume(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Go on with a run from its newest checkpoint."""
    raise typer.Exit(work(RunFolder.open(run), execution_request(device, threads)))


def execution_request(device: str, threads: int) -> ExecutionRequest:
    """Return what is asked of the machine.

    Raises
    ------
    CfdError
        Where the device has no such name.
    """
    from pydantic import ValidationError

    from cfd_studio.protocol.errors import CfdError

    try:
        return ExecutionRequest(device=device, threads=threads)
    except ValidationError:
        raise CfdError(f"'{device}' is no device", where="--device", advice="Use auto, cpu, cuda or cuda:N.") from None


def work(run: RunFolder, request: ExecutionRequest) -> int:
    """Train a run in a thread and follow it here; return the exit code."""
    from cfd_studio.cli.follow import follow
    from cfd_studio.engine.turns import Turns
    from cfd_studio.workers.thread import ThreadLauncher

    return follow(run, partial(ThreadLauncher(Turns()).start, run, request))
