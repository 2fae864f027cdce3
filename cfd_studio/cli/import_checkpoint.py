"""``cfd-studio import``."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from cfd_studio.protocol.data import DataName
from cfd_studio.protocol.errors import CfdError

_DATA_SETS: dict[str, DataName] = {name: name for name in get_args(DataName)}
_PREDICTIONS = ("x", "eps", "v")


def import_checkpoint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A ckpt.pt of the published CFD code, or a classifier.")],
    run: Annotated[Path, typer.Option("--run", "--run-dir", metavar="DIR", help="The new run's folder.")],
    data_set: Annotated[
        str, typer.Option("--data-set", help=f"The images it is about: {', '.join(_DATA_SETS)}.")
    ] = "none",
    prediction: Annotated[
        str | None, typer.Option(help="x, eps or v; x by default, as the published code has it.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=8, max=256, help="Side of an image, where nothing else says it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the window calls the run; the file's name by default.")] = None,
) -> None:
    """Make a run of a checkpoint of the published CFD code; what was found in it is printed.

    `cfd-studio sample DIR --steps N --reference-sampler` then draws what the published code draws.
    """
    if data_set not in _DATA_SETS:
        raise CfdError(f"'{data_set}' is no data set", where="--data-set", advice=f"Use {', '.join(_DATA_SETS)}.")
    if prediction not in (None, *_PREDICTIONS):
        raise CfdError(f"'{prediction}' is no prediction", where="--prediction", advice="Use x, eps or v.")
    from cfd_studio.engine.importing import import_checkpoint
    from cfd_studio.engine.mishaps import told

    with told(f"importing {file}", "cpu", "Close what else uses the memory."):
        found = import_checkpoint(
            file, run, data=_DATA_SETS[data_set], prediction=prediction, image_size=image_size, name=name
        )
    typer.echo(found)
    typer.echo(f"The run is {run}.")
