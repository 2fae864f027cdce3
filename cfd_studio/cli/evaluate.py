"""``cfd-studio evaluate``."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cfd_studio.cli.quality_table import QualityTable
from cfd_studio.cli.sample import writing
from cfd_studio.cli.train import DataFolder
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.study import differences, figures_over_runs, judgements_over_runs
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder


class Reference(StrEnum):
    """Real images that samples are compared with."""

    HELD_OUT = "held-out"
    TRAIN = "train"


def evaluate(
    runs: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs that differ only in seed.")],
    against: Annotated[Reference, typer.Option(help="Real images to compare with.")] = Reference.HELD_OUT,
    own: Annotated[bool, typer.Option("--own", help="Each model at its own step count only.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here as well.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    data: DataFolder = "",
) -> None:
    """Measure every trained model at each of its step counts: Frechet distance, precision, recall, time per image.

    Several runs of one experiment are summed up in one table: mean, sample standard deviation, number of runs.
    """
    folders = [RunFolder.open(run) for run in runs]
    _check_experiment(folders)
    if out is not None and not (out.parent.is_dir() and os.access(out.parent, os.W_OK)):
        raise CfdError("cannot be written there", where=str(out), advice="Choose another file.")
    from cfd_studio.engine.execution import choose_device
    from cfd_studio.engine.mishaps import told

    chosen = choose_device(device)
    advice = "Use a run with a smaller evaluation.batch_size" + ("." if chosen == "cpu" else ", or --device cpu.")
    with told(f"judging the models of {', '.join(map(str, runs))}", chosen, advice):
        measured = [_measure(folder, chosen, own, data) for folder in folders]
    judgements = judgements_over_runs(measured)
    floor = figures_over_runs([qualities[-1].floor for qualities in measured])
    QualityTable(judgements, floor, against.value, len(runs)).write(markdown=markdown)
    if not markdown:
        _print_accuracies(folders, measured)
    if out is None:
        return
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
        atomic.write_bytes(out, json.dumps(content, indent=2).encode())


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


def _print_accuracies(folders: list[RunFolder], measured: list[list[StageQuality]]) -> None:
    for folder, qualities in zip(folders, measured, strict=True):
        where = f" ({folder.path.name})" if len(folders) > 1 else ""
        for name, value in qualities[-1].accuracies.items():
            typer.echo(f"Classifier '{name}' names {value:.1%} of the held-out images rightly{where}.")


def _measure(run: RunFolder, device: str, own_only: bool, data_folder: str) -> list[StageQuality]:
    from cfd_studio.engine.build import load_denoiser
    from cfd_studio.engine.datasets import load_run_data
    from cfd_studio.engine.evaluation import Jury, classifier_accuracies, judged_steps
    from cfd_studio.engine.execution import take_modest_threads

    take_modest_threads()
    config = run.config()
    trained = [stage for stage in config.diffusion_stages() if run.weights(stage.id).exists()]
    if not trained:
        raise CfdError("no model is trained yet", where=str(run.path), advice="Resume the run first.")
    data = load_run_data(run, config, data_folder).to(device)
    jury = Jury(run, config, data, device)
    accuracies = classifier_accuracies(run, config, data.held_out, device)
    qualities = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        own = {stage.id: config.own_steps(stage) for stage in trained}
        counts = {
            name: [steps] if own_only else judged_steps(config, steps, every_halving=True)
            for name, steps in own.items()
        }
        bar = progress.add_task(f"Drawing and judging {run.path.name}", total=sum(map(sum, counts.values())))
        for stage in trained:
            denoiser = load_denoiser(run, config, stage.id, device)
            judgements = []
            for steps in counts[stage.id]:
                judgement, _ = jury.judge(stage.id, denoiser, own[stage.id], steps)
                judgements.append(judgement)
                progress.advance(bar, steps)
            if not progress.console.is_terminal:
                progress.console.print(f"Model '{stage.id}' is measured.", highlight=False)
            qualities.append(
                StageQuality(stage=stage.id, judgements=tuple(judgements), floor=jury.floor(), accuracies=accuracies)
            )
    return qualities
