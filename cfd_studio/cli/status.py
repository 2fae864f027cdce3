"""``cfd-studio status``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cfd_studio.protocol.errors import printable
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.protocol.wording import plan_words
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.workspace.folders import indexes_folder


def status(run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")]) -> None:
    """Say where a run stands."""
    folder = RunFolder.open(run)
    mirror = RunMirror(folder, indexes=indexes_folder())
    mirror.refresh()
    summary = summarize(run)
    console = Console()
    console.print(printable(f"{summary.name}: {summary.state}"), highlight=False, markup=False, soft_wrap=True)
    if summary.sentence:
        console.print(printable(summary.sentence), highlight=False, markup=False, soft_wrap=True)
    plan = next((plan for job in reversed(folder.jobs()) if (plan := job.read_plan())), None)
    if plan is not None:
        console.print(f"Newest job: on {plan_words(plan)}.", highlight=False, markup=False, soft_wrap=True)
    table = Table("stage", "kind", "from", "steps", "state", "held-out", "Frechet (judge)")
    for config in mirror.config.stages:
        stage = mirror.stages[config.id]
        own = stage.quality.headline if stage.quality else None
        distance = own.value(mirror.config.evaluation.main_space) if own else None
        accuracy = stage.quality.accuracies.get(config.id, stage.accuracy) if stage.quality else stage.accuracy
        held_out = f"{accuracy:.1%} right" if accuracy is not None else ""
        if held_out and not stage.quality and isinstance(config, ClassifierStage) and config.validation_share:
            held_out += " (validation)"
        if not held_out and len(stage.held_out):
            held_out = f"{stage.held_out.values[-1]:.4g}"
        table.add_row(
            config.id,
            config.kind,
            config.parent or "",
            f"{stage.step:,} / {stage.total_steps:,}",
            stage.state,
            held_out,
            f"{distance:.3g} at {own.sampling_steps} steps" if own and distance is not None else "",
        )
    console.print(table)
