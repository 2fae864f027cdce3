"""``cfd-studio options``."""

from typing import Annotated

import typer

from cfd_studio.protocol.markdown import table
from cfd_studio.protocol.options import ANY_STAGE, Option, options

Markdown = Annotated[bool, typer.Option("--markdown", help="Print a Markdown document.")]


def list_options(markdown: Markdown = False) -> None:
    """List every value that a config may hold, with what `--set` calls it."""
    if markdown:
        typer.echo(f"# Options\n\nA stage is named by its id, which stands in place of `{ANY_STAGE}`.")
    for heading, listed in options():
        if markdown:
            typer.echo(f"\n## {heading}\n")
            rows = [
                [f"`{one.path}`", one.label, one.kind, one.bounds, one.unit, one.default, one.help] for one in listed
            ]
            typer.echo(table(["option", "label", "value", "bounds", "unit", "default", "what it does"], rows))
            continue
        typer.echo(f"{heading}\n")
        for one in listed:
            typer.echo(f"  {one.path}\n      {_described(one)}\n      {one.help}\n")


def _described(option: Option) -> str:
    default = f"default {option.default}" if option.default else "must be given"
    parts = [option.label, option.kind, option.bounds, option.unit, default]
    return "; ".join(part for part in parts if part)
