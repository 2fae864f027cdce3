"""``cfd-studio export``."""

from functools import partial
from pathlib import Path
from typing import Annotated, get_args

import typer

from cfd_studio.cli.sampler_options import EtaOption, GuidanceOption, SamplerOption, read_sampler
from cfd_studio.protocol.errands import ExportFormat
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM

_FORMATS: dict[str, ExportFormat] = {name: name for name in get_args(ExportFormat)}


def export(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    stage: Annotated[str, typer.Option(metavar="ID", help="The trained stage.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="safetensors, onnx or images.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="A .safetensors or .onnx file; a new folder.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Network calls; the model's own by default.")] = None,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Images of a set.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Noise of image i is drawn from (seed, i).")] = 0,
    sampler: SamplerOption = DDIM.name,
    eta: EtaOption = DDIM.eta,
    guidance: GuidanceOption = DDIM.guidance,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N; where images are drawn.")] = "auto",
) -> None:
    """Write a trained model for other programs.

    safetensors: the weights, and beside them a JSON file with all that builds the network and samples with it. onnx:
    the model with its sampler loop in one graph, compared with torch in onnxruntime before it is written; the graph
    holds the network once per step, and takes minutes beyond some 8 steps. images: numbered PNG files and samples.npz
    (arr_0, uint8, NHWC; arr_1 the classes).
    """
    if to not in _FORMATS:
        raise CfdError(f"'{to}' is no format", where="--to", advice=f"Use {', '.join(_FORMATS)}.")
    how = read_sampler(sampler, eta, guidance)
    from cfd_studio.engine.execution import take_modest_threads
    from cfd_studio.engine.exporting import export_model
    from cfd_studio.engine.mishaps import told

    take_modest_threads()
    with told(f"exporting {run}", device, "Ask for fewer steps, or use --device cpu."):
        typer.echo(
            export_model(
                run,
                stage,
                _FORMATS[to],
                out,
                device=device,
                steps=steps,
                count=count,
                seed=seed,
                sampler=how,
                say=partial(typer.echo, err=True),
            )
        )
