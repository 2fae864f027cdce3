"""``cfd-studio demo`` and ``cfd-studio open``: the commands that lead to the window."""

from pathlib import Path
from typing import Annotated

import typer

from cfd_studio.protocol.errors import NoDisplayError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.resources import DEMO_PRESET


def demo(
    context: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="Stay in the terminal.")] = False,
    run: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="The run's folder; new by default.")] = None,
) -> None:
    """Run the main job: a teacher of handwritten digits, distilled down to one step, side by side at the end."""
    from cfd_studio.workspace.folders import new_demo_folder

    folder = run or new_demo_folder()
    if not headless:
        try:
            raise typer.Exit(context.obj(demo=folder))
        except NoDisplayError as error:
            typer.echo(f"{error} The demo goes on in the terminal.", err=True)
    raise typer.Exit(_in_the_terminal(folder))


def open_run(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
) -> None:
    """Open a run in the window, also one that is being trained elsewhere."""
    RunFolder.open(run)
    raise typer.Exit(context.obj(run=run))


def _in_the_terminal(folder: Path) -> int:
    from cfd_studio.cli.compare import compare
    from cfd_studio.cli.recipes import read_config
    from cfd_studio.cli.train import execution_request, work

    typer.echo(f"The run's folder: {folder}")
    config = read_config(DEMO_PRESET, [])
    exists = (folder / "run.json").exists()
    code = work(
        folder, RunFolder.open if exists else lambda path: RunFolder.create(path, config), execution_request("auto")
    )
    if code == 0:
        compare(folder, folder / "comparison.png")
    return code
