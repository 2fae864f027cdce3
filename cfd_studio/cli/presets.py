"""``cfd-studio presets``."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cfd_studio.cli.options import Markdown
from cfd_studio.cli.recipe_document import recipe_section
from cfd_studio.cli.recipes import read_config, read_raw, read_recipe_of
from cfd_studio.workspace import resources


def presets(
    show: Annotated[
        str | None, typer.Option("--show", metavar="NAME", help="Print this preset as JSON instead.")
    ] = None,
    markdown: Markdown = False,
) -> None:
    """List the presets, or print one to start a config of your own from."""
    if show:
        raw, _ = read_raw(show)
        typer.echo(json.dumps(raw, indent=2))
        return
    recipes = {name: read_recipe_of(name) for name in resources.presets()}
    if markdown:
        sections = [recipe_section(name, recipe, read_config(name, [])) for name, recipe in recipes.items()]
        typer.echo("\n\n".join(["# Recipes", *sections]))
        return
    table = Table.grid(padding=(0, 3, 1, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, recipe in recipes.items():
        comparable = f"\nComparable with: {recipe.comparable}" if recipe.comparable else ""
        table.add_row(Text(name), Text(f"{recipe.summary}{comparable}"))
    Console(width=min(Console().width, 110)).print(table)
