"""``cfd-studio runs``."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cfd_studio.protocol.errors import CfdError, printable
from cfd_studio.runs.catalog import list_runs
from cfd_studio.workspace.folders import runs_folder


def runs(root: Annotated[Path | None, typer.Argument(metavar="ROOT", help="Your runs by default.")] = None) -> None:
    """List the runs below a folder, newest first."""
    folder = root or runs_folder()
    if root is not None and not root.is_dir():
        raise CfdError("there is no such folder", where=str(root), advice="Give a folder that holds run folders.")
    found = list_runs(folder)
    if not found:
        typer.echo(f"No runs in {printable(str(folder))}. Make one: cfd-studio demo")
        return
    table = Table("run", "state", "stages", "changed", "folder")
    for run in found:
        changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.changed)) if run.changed else ""
        name, path = escape(printable(run.name)), escape(printable(str(run.path)))
        table.add_row(name, run.state, f"{run.stages_done} / {run.stages}", changed, path)
    Console().print(table)
