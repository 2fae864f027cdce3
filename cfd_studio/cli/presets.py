"""``cfd-studio presets``."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cfd_studio.cli.recipes import read_raw
from cfd_studio.protocol.plan import read_recipe
from cfd_studio.workspace import resources


def presets(
    show: Annotated[
        str | None, typer.Option("--show", metavar="NAME", help="Print this preset as JSON instead.")
    ] = None,
) -> None:
    """List the presets, or print one to start a config of your own from."""
    if show:
        raw, _ = read_raw(show)
        typer.echo(json.dumps(raw, indent=2))
        return
    table = Table.grid(padding=(0, 3, 1, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, path in resources.presets().items():
        recipe = read_recipe(json.loads(path.read_bytes()), source=f"preset {name}")
        table.add_row(Text(name), Text(recipe.summary))
    Console(width=min(Console().width, 110)).print(table)
