"""The options that say how images are drawn, alike in every command that draws some."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.readable import readable
from cfd_studio.protocol.sampling import Sampler


def _help(name: str) -> str:
    return str(Sampler.model_fields[name].description)


SamplerOption = Annotated[str, typer.Option("--sampler", metavar="NAME", help=_help("name"))]
EtaOption = Annotated[float, typer.Option("--eta", help=_help("eta"))]
GuidanceOption = Annotated[float, typer.Option("--guidance", help=_help("guidance"))]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels",
        "--label",
        metavar="CLASSES",
        help="The class to draw, or several, separated by commas, in turn; -1 for none. A class-conditional model "
        "draws all of its own in turn by default.",
    ),
]


def read_sampler(name: str, eta: float, guidance: float) -> Sampler:
    """Return the sampler that was asked for.

    Raises
    ------
    CfdError
        Where there is no such sampler, or a number is out of range.
    """
    raw: dict[str, Any] = {"name": name, "eta": eta, "guidance": guidance}
    try:
        return Sampler.model_validate(raw)
    except ValidationError as error:
        problem = readable(error, raw, Sampler, {})[0]
        option = "sampler" if problem.path == "name" else problem.path
        raise CfdError(problem.message, where=f"--{option}") from None


def read_samplers(names: str, eta: float, guidance: float) -> tuple[Sampler, ...]:
    """Return the samplers of a comma-separated list, each once, all with the same guidance.

    Raises
    ------
    CfdError
        As `read_sampler`.
    """
    return tuple(dict.fromkeys(read_sampler(name.strip(), eta, guidance) for name in names.split(",")))


def read_labels(text: str | None) -> list[int] | None:
    """Return the classes of a comma-separated list; None where none was given.

    Raises
    ------
    CfdError
        Where one is no whole number.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.removeprefix("-").isdecimal() and len(part) < 10 for part in parts):
        raise CfdError(f"'{text}' is no list of classes", where="--labels", advice="Write for example 0,1,2.")
    return [int(part) for part in parts]
