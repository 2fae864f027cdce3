"""``cfd-studio evaluate``."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here as well.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Measure every trained model at each of its step counts: Frechet distances, floor, accuracies, time per image."""
    folder = RunFolder.open(run)
    if out is not None and not (out.parent.is_dir() and os.access(out.parent, os.W_OK)):
        raise CfdError("cannot be written there", where=str(out), advice="Choose another file.")
    from cfd_studio.engine.execution import choose_device
    from cfd_studio.engine.mishaps import told

    chosen = choose_device(device)
    advice = "Use a run with a smaller evaluation.batch_size" + ("." if chosen == "cpu" else ", or --device cpu.")
    with told(f"judging the models of {run}", chosen, advice):
        qualities = _measure(folder, chosen)
    floor, accuracies = qualities[-1].floor, qualities[-1].accuracies
    spaces = [figure.space for figure in floor]
    table = Table(
        "model", "steps", "ms per image", *(f"{space}\nvs {r}" for space in spaces for r in ("held-out", "train"))
    )
    for quality in qualities:
        for judgement in quality.judgements:
            values = {(figure.space, figure.reference): figure.value for figure in judgement.figures}
            table.add_row(
                judgement.stage,
                str(judgement.sampling_steps),
                f"{judgement.seconds_per_image * 1e3:.3g}",
                *(f"{values[space, reference]:.4g}" for space in spaces for reference in ("held-out", "train")),
            )
    floors = (cell for figure in floor for cell in (f"{figure.value:.4g}", ""))
    table.add_row("real train images", "", "", *floors, style="dim")
    console = Console()
    console.print("Frechet distance; lower is better, the last row is real against real.", highlight=False)
    console.print(table)
    for name, value in accuracies.items():
        console.print(f"Classifier '{name}' names {value:.1%} of the held-out images rightly.", highlight=False)
    if out is not None:
        content = json.dumps([quality.model_dump(mode="json") for quality in qualities], indent=2)
        try:
            atomic.write_bytes(out, content.encode())
        except OSError as error:
            raise CfdError(
                f"cannot be written ({error.strerror})", where=str(out), advice="Choose another file."
            ) from None


def _measure(run: RunFolder, device: str) -> list[StageQuality]:
    from cfd_studio.engine.build import build_data, load_denoiser
    from cfd_studio.engine.evaluation import Jury, classifier_accuracies, judged_steps
    from cfd_studio.engine.execution import take_modest_threads

    take_modest_threads()
    config = run.config()
    trained = [stage for stage in config.diffusion_stages() if run.weights(stage.id).exists()]
    if not trained:
        raise CfdError("no model is trained yet", where=str(run.path), advice="Resume the run first.")
    data = build_data(config).to(device)
    jury = Jury(run, config, data, device)
    accuracies = classifier_accuracies(run, config, data.held_out, device)
    qualities = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        counts = {stage.id: judged_steps(config, config.own_steps(stage), every_halving=True) for stage in trained}
        bar = progress.add_task("Drawing and judging", total=sum(sum(steps) for steps in counts.values()))
        for stage in trained:
            denoiser = load_denoiser(run, config, stage.id, device)
            judgements = []
            for steps in counts[stage.id]:
                judgement, _ = jury.judge(stage.id, denoiser, config.own_steps(stage), steps)
                judgements.append(judgement)
                progress.advance(bar, steps)
            if not progress.console.is_terminal:
                progress.console.print(f"Model '{stage.id}' is measured.", highlight=False)
            qualities.append(
                StageQuality(stage=stage.id, judgements=tuple(judgements), floor=jury.floor(), accuracies=accuracies)
            )
    return qualities
