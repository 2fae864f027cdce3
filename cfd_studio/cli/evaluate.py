"""``cfd-studio evaluate``."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cfd_studio.cli.machine_options import DrawnPrecision, read_precision
from cfd_studio.cli.quality_table import QualityTable
from cfd_studio.cli.sample import parse_steps
from cfd_studio.cli.sampler_options import read_samplers
from cfd_studio.cli.train import DataFolder
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.fast_paths import AskedPrecision
from cfd_studio.protocol.figures import INCEPTION, StageQuality, named
from cfd_studio.protocol.study import differences, figures_over_runs, judgements_over_runs
from cfd_studio.protocol.wishes import Wishes
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.outputs import check_output, writing

if TYPE_CHECKING:
    from cfd_studio.engine.samples import Samples


class Reference(StrEnum):
    """Real images that samples are compared with."""

    HELD_OUT = "held-out"
    TRAIN = "train"


def evaluate(
    runs: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs that differ only in seed.")],
    against: Annotated[
        Reference | None,
        typer.Option(help="Real images to compare with; by default held-out, or train, as published, with Inception."),
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Models, separated by commas; all that are trained.")] = None,
    steps: Annotated[
        str | None, typer.Option(help="Step counts, separated by commas; by default all that a model can do in halves.")
    ] = None,
    own: Annotated[
        bool,
        typer.Option(
            "--own",
            help="Each student at its own step count only, with the first sampler; --steps and further samplers are "
            "then the teacher's.",
        ),
    ] = False,
    samples: Annotated[int | None, typer.Option(help="Images drawn per figure; else as the run's config says.")] = None,
    sampler: Annotated[
        str | None, typer.Option(help="Samplers, separated by commas; else the one of the run's config.")
    ] = None,
    eta: Annotated[float | None, typer.Option(help="Fresh noise of DDIM, from 0 to 1.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Classifier-free guidance; 1 is none.")] = None,
    inception: Annotated[
        bool, typer.Option("--inception", help="Judge with Inception-v3 too: FID, KID, Inception score.")
    ] = False,
    inception_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its weights, and judge with it; by default torch-fidelity downloads them."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here as well.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write the figures into the runs, where the window shows them.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: DrawnPrecision = "auto",
    data: DataFolder = "",
) -> None:
    """Measure trained models: Frechet distance, precision, recall, time per image; with Inception also KID and score.

    Several runs of one experiment are summed up in one table: mean, sample standard deviation, number of runs. What was
    drawn when the command was interrupted is not drawn again.
    """
    said = any(option is not None for option in (sampler, eta, guidance))
    samplers = read_samplers(sampler or "ddim", eta or 0.0, 1.0 if guidance is None else guidance) if said else ()
    wishes = Wishes(
        stages=tuple(name.strip() for name in stage.split(",")) if stage else (),
        steps=tuple(parse_steps(steps)) if steps else (),
        own=own,
        samples=samples,
        samplers=samplers,
        inception=inception or inception_file is not None,
    )
    folders = [RunFolder.open(run) for run in runs]
    _check_experiment(folders)
    used = samplers or (folders[0].config().evaluation.sampler,)
    asked = read_precision(precision, exactly=any(one.name == "reference" for one in used))
    if out is not None:
        check_output(out)
    from cfd_studio.engine.execution import choose_device
    from cfd_studio.engine.mishaps import told

    chosen = choose_device(device)
    advice = "Use a run with a smaller evaluation.batch_size" + ("." if chosen == "cpu" else ", or --device cpu.")
    drawn: list[Samples] = []
    with told(f"judging the models of {', '.join(map(str, runs))}", chosen, advice):
        measure = partial(_measure, device=chosen, precision=asked, wishes=wishes, drawn=drawn, keep=keep)
        measured = [measure(folder, inception_file=inception_file, data_folder=data) for folder in folders]
    judgements = judgements_over_runs(measured)
    floor = figures_over_runs([qualities[-1].floor for qualities in measured])
    if against is None:
        judged = any(named(one.space, INCEPTION) for judgement in judgements for one in judgement.figures)
        against = Reference.TRAIN if judged else Reference.HELD_OUT
    QualityTable(judgements, floor, against.value, len(runs)).write(markdown=markdown)
    if not markdown:
        _print_accuracies(folders, measured)
    if out is not None:
        content: Any = [quality.model_dump(mode="json") for quality in measured[0]]
        if len(runs) > 1:
            content = {
                "runs": [
                    {
                        "path": str(folder.path),
                        "seed": folder.config().seed,
                        "stages": [quality.model_dump(mode="json") for quality in qualities],
                    }
                    for folder, qualities in zip(folders, measured, strict=True)
                ],
                "over_runs": [judgement.model_dump(mode="json") for judgement in judgements],
                "floor": [figure.model_dump(mode="json") for figure in floor],
            }
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_bytes(out, json.dumps(content, indent=2).encode())
    for one in drawn:
        one.forget()


def _check_experiment(folders: list[RunFolder]) -> None:
    first = folders[0].config()
    seeds = {first.seed: folders[0]}
    for folder in folders[1:]:
        config = folder.config()
        if fields := differences(first, config):
            more = f" and {len(fields) - 1} more" if len(fields) > 1 else ""
            raise CfdError(
                f"is another experiment than {folders[0].path}: they differ in {fields[0]}{more}",
                where=str(folder.path),
                advice="Give runs that differ only in seed and name.",
            )
        if twin := seeds.get(config.seed):
            raise CfdError(
                f"has the seed {config.seed} of {twin.path}, and copies have no spread",
                where=str(folder.path),
                advice="Give each run a seed of its own.",
            )
        seeds[config.seed] = folder


def _print_accuracies(folders: list[RunFolder], measured: Sequence[Sequence[StageQuality]]) -> None:
    for folder, qualities in zip(folders, measured, strict=True):
        where = f" ({folder.path.name})" if len(folders) > 1 else ""
        for name, value in qualities[-1].accuracies.items():
            typer.echo(f"Classifier '{name}' names {value:.1%} of the held-out images rightly{where}.")


def _measure(
    run: RunFolder,
    device: str,
    precision: AskedPrecision,
    wishes: Wishes,
    inception_file: Path | None,
    data_folder: str,
    drawn: "list[Samples]",
    *,
    keep: bool,
) -> list[StageQuality]:
    from cfd_studio.cli.measuring import Bars
    from cfd_studio.engine import measuring
    from cfd_studio.engine.execution import take_modest_threads
    from cfd_studio.engine.wishes import wished_config, wished_ways

    take_modest_threads()
    config = wished_config(wishes, run)
    wanted = wished_ways(wishes, run, config)
    qualities = []
    with (
        measuring.kept(run, device) if keep else nullcontext() as keeper,
        Bars(run.path.name, config.evaluation.samples, wanted) as bars,
    ):
        for quality in measuring.measured(
            run,
            config,
            wanted,
            device,
            drawn=drawn,
            data_folder=data_folder,
            inception_file=str(inception_file or ""),
            precision=precision,
            looking=bars.looking,
            drawing=bars.drawing,
        ):
            if keeper is not None:
                measuring.keep(keeper, run, quality)
            bars.measured(quality.stage)
            qualities.append(quality)
    return qualities
