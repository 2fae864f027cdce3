"""``cfd-studio report``."""

from pathlib import Path
from typing import Annotated

import typer

from cfd_studio.workspace.report import write_report


def report(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file to write.")],
) -> None:
    """Write a run as one HTML file: lineage, figures, samples, loss curves and experiment, for browsers and printers.

    It holds everything itself: no script, nothing from the network.
    """
    typer.echo(write_report(run, out))
