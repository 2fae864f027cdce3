"""``cfd-studio compare``."""

from pathlib import Path
from typing import Annotated

import typer

from cfd_studio.cli.machine_options import DrawnPrecision, read_precision
from cfd_studio.cli.sampler_options import EtaOption, GuidanceOption, LabelsOption, read_labels, read_samplers
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM
from cfd_studio.runs import atomic
from cfd_studio.runs.outputs import check_output, writing


def compare(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.png", help="The picture.")],
    stages: Annotated[str | None, typer.Option(help="Models, separated by commas; all by default.")] = None,
    steps: Annotated[str | None, typer.Option(help="Step counts; all halvings by default.")] = None,
    count: Annotated[int, typer.Option(min=1, max=1024, help="Images per cell.")] = 16,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Noise of image i is drawn from (seed, i).")] = 0,
    sampler: Annotated[
        str, typer.Option(metavar="NAMES", help="Samplers, separated by commas; each model gets a row of each.")
    ] = DDIM.name,
    eta: EtaOption = DDIM.eta,
    guidance: GuidanceOption = DDIM.guidance,
    labels: LabelsOption = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: DrawnPrecision = "auto",
) -> None:
    """Draw teacher and students side by side: a row per model, a column per step count, the same noise in every cell.

    A model's own step count is outlined; cells above it stay empty.
    """
    if out.suffix != ".png":
        raise CfdError("the picture is a .png", where=str(out), advice="Name the file so.")
    check_output(out)
    from cfd_studio.cli.sample import parse_steps
    from cfd_studio.engine.execution import choose_device, take_modest_threads
    from cfd_studio.engine.mishaps import told
    from cfd_studio.engine.models import open_models
    from cfd_studio.engine.sheet import draw_sheet

    names = [name.strip() for name in stages.split(",")] if stages else None
    samplers = read_samplers(sampler, eta, guidance)
    asked = read_precision(precision, exactly=any(one.name == "reference" for one in samplers))
    classes, columns = read_labels(labels), parse_steps(steps) if steps else None
    take_modest_threads()
    chosen = choose_device(device)
    with told(f"drawing the models of {run}", chosen, "Ask for fewer images (--count) or models (--stages)."):
        sheet = draw_sheet(open_models(run, names, chosen, asked), columns, count, seed, samplers, classes)
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            with atomic.opened(out) as stream:
                sheet.save(stream, format="PNG")
    typer.echo(f"Teacher and students side by side: {out}")
