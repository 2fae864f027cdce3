"""``cfd-studio estimate``."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cfd_studio.cli.machine_options import Precision, read_precision
from cfd_studio.cli.recipes import read_config, read_recipe_of
from cfd_studio.cli.train import Device

_SPANS = ((172_800, 86_400, "days"), (5_400, 3_600, "h"), (60, 60, "min"))


def estimate_cost(
    recipe: Annotated[str, typer.Argument(metavar="PRESET_OR_CONFIG", help="A preset's name or a JSON file.")],
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Replace a value.")] = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Say what a run would cost on this machine: a few steps of every kind of work in it are done and timed.

    Neither the images nor any download is needed. Where a step takes long, as on a CPU, a small batch is scaled up.
    """
    asked = read_precision(precision)
    config = read_config(recipe, settings or [])
    comparable = "" if settings else read_recipe_of(recipe).comparable

    from cfd_studio.engine.estimate import estimate
    from cfd_studio.engine.execution import choose_device
    from cfd_studio.engine.mishaps import told

    chosen = choose_device(device)
    with told(f"estimating what {config.name} costs", chosen, "Choose a smaller batch, or another device."):
        found = estimate(config, chosen, precision=asked)
    table = Table(box=None, padding=(0, 3, 0, 0))
    table.add_column("stage")
    for name in ("images", "time", "memory", "disk"):
        table.add_column(name, justify="right")
    for stage in found.stages:
        cells = [f"{stage.images:,}", duration(stage.seconds), memory(stage.memory)] if stage.images else [""] * 3
        table.add_row(Text(stage.stage), *cells, memory(stage.disk))
    table.add_row("evaluation", "", duration(found.evaluation_seconds), "", "")
    whole = (f"{found.images:,}", duration(found.seconds), memory(found.memory), memory(found.disk))
    table.add_row("total", *whole, style="bold")
    console = Console(width=max(Console().width, 60))
    console.print(table)
    console.print(Text(f"\nOn {chosen}, besides what the program and the images themselves take."))
    if comparable:
        console.print(Text(f"Comparable with: {comparable}"))


def duration(seconds: float) -> str:
    """Return a time span as a person says it."""
    for least, unit, name in _SPANS:
        if seconds >= least:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:.1f} s"


def memory(size: int) -> str:
    """Return a number of bytes as a person says it."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{max(size / 2**20, 1):.0f} MiB"
