"""The options that say how networks are passed through, alike in every command that passes through some."""

from typing import Annotated

import typer

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import PRECISIONS, AskedPrecision


def _help(name: str) -> str:
    return str(ExecutionRequest.model_fields[name].description)


_ALLOWED = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
Precision = Annotated[str, typer.Option("--precision", metavar="FORMAT", help=f"{_ALLOWED}. {_help('precision')}")]
DrawnPrecision = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="FORMAT",
        help=f"{_ALLOWED}: number format of the network passes. auto takes what is fastest on the device for a network "
        "of that size, and float32 for the reference sampler or noise of your own: to compare numbers.",
    ),
]
Fast = Annotated[
    list[str] | None, typer.Option("--fast", metavar="PATHS", help=f"{_help('fast')} May be given several times.")
]


def read_precision(text: str, *, exactly: bool = False) -> AskedPrecision:
    """Return the number format that was asked for.

    Parameters
    ----------
    text : str
    exactly : bool, optional
        Whether numbers are to be compared: auto is float32 then.

    Raises
    ------
    CfdError
        Where there is no such format.
    """
    if text not in PRECISIONS:
        raise CfdError(f"'{text}' is no number format", where="--precision", advice=f"Use {_ALLOWED}.")
    return "float32" if text == "auto" and exactly else text
