"""A run as one HTML file: no script, nothing from the network, and everything that is not ours escaped."""

import base64
import importlib.metadata
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfd_studio import __version__
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import ClassifierStage
from cfd_studio.protocol.wording import describe, plan_words, short
from cfd_studio.runs import atomic
from cfd_studio.runs.about import read_about
from cfd_studio.runs.evaluations import Evaluations
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import read_bounded
from cfd_studio.runs.mirror import RunMirror, StageMirror
from cfd_studio.runs.outputs import check_output, writing
from cfd_studio.workspace.folders import indexes_folder
from cfd_studio.workspace.report_presets import nearest_preset
from cfd_studio.workspace.report_tables import Qualities, quality_tables
from cfd_studio.workspace.resources import resource
from cfd_studio.workspace.svg import SvgLine, line_chart, smoothed

_LARGEST_STRIP = 16 * 2**20
_MOST_STRIPS = 64
_PNG = b"\x89PNG\r\n\x1a\n"
_LIBRARIES = ("torch", "torchvision", "numpy")


@dataclass(frozen=True, slots=True)
class SheetPicture:
    """The samples that stand at the head of a report: a PNG, and how they were drawn."""

    png: bytes
    words: str


def write_report(run: Path, out: Path, sheet: SheetPicture | None = None) -> str:
    """Write a report of a run; return a sentence about it.

    Parameters
    ----------
    run : Path
    out : Path
        The file.
    sheet : SheetPicture, optional

    Raises
    ------
    CfdError
        Where the run cannot be read, or the file not be written.
    """
    check_output(out)
    page = render_report(RunFolder.open(run), sheet)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(out, page.encode())
    return f"Report written to {out}."


def render_report(run: RunFolder, sheet: SheetPicture | None = None) -> str:
    """Return the page of a run.

    Raises
    ------
    CfdError
        Where the run cannot be read.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # slow, and nobody else needs it

    mirror = RunMirror(run, indexes=indexes_folder())
    mirror.refresh()
    evaluations = Evaluations(run)
    evaluations.refresh()
    config, about = mirror.config, read_about(run.path)
    joined = ((name, evaluations.joined(name, stage.quality)) for name, stage in mirror.stages.items())
    qualities = {name: quality for name, quality in joined if quality is not None}
    environment = Environment(
        loader=FileSystemLoader(resource("report")), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    return environment.get_template("run.html").render(
        name=about.name or config.name,
        subtitle=_subtitle(run, config),
        notes=about.notes,
        tags=about.tags,
        sheet=None if sheet is None else {"uri": _data_uri(sheet.png), "words": sheet.words},
        tree=_tree(config, qualities, None),
        tables=quality_tables(config, qualities),
        strips=list(_strips(run, config)),
        charts=list(_charts(config, mirror)),
        facts=list(_facts(run, config)),
        preset=nearest_preset(config),
        config=json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False),
    )


def _subtitle(run: RunFolder, config: RunConfig) -> str:
    day = time.strftime("%Y-%m-%d %H:%M")
    return f"{run.path.name} · {len(config.stages)} stages · report of {day} by CFD Studio {__version__}"


def _tree(config: RunConfig, qualities: Qualities, parent: str | None) -> list[dict[str, Any]]:
    return [
        {
            "id": stage.id,
            "words": describe(config, stage),
            "figure": _headline(config, qualities, stage.id),
            "children": _tree(config, qualities, stage.id),
        }
        for stage in config.stages
        if stage.parent == parent
    ]


def _headline(config: RunConfig, qualities: Qualities, stage: str) -> str:
    quality = qualities.get(stage)
    if quality is None:
        return ""
    if isinstance(config.stage(stage), ClassifierStage):
        accuracy = quality.accuracies.get(stage)
        return "" if accuracy is None else f"{accuracy:.1%} right"
    space = config.evaluation.main_space
    value = quality.headline.value(space) if quality.headline else None
    return "" if value is None else f"Fréchet {short(value)} ({space})"


def _strips(run: RunFolder, config: RunConfig) -> Iterator[dict[str, str]]:
    for stage in config.diffusion_stages()[:_MOST_STRIPS]:
        files = sorted((run.stage(stage.id) / "samples").glob("*.png"))
        try:
            content = read_bounded(files[-1], _LARGEST_STRIP) if files else b""
        except OSError:
            continue
        if content.startswith(_PNG):
            yield {"uri": _data_uri(content), "words": f"{stage.id}, {describe(config, stage)}"}


def _charts(config: RunConfig, mirror: RunMirror) -> Iterator[dict[str, Any]]:
    for stage in config.stages:
        seen: StageMirror = mirror.stages[stage.id]
        steps, values = seen.loss.steps, seen.loss.values
        chart = line_chart(
            [
                SvgLine("raw", steps, values),
                SvgLine("loss", steps, smoothed(values)),
                SvgLine("held-out", seen.held_out.steps, seen.held_out.values),
            ]
        )
        if chart is not None:
            yield {"svg": chart, "words": f"{stage.id}, {describe(config, stage)}"}


def _facts(run: RunFolder, config: RunConfig) -> Iterator[tuple[str, str]]:
    data, network = config.data, config.network
    yield "Images", f"{data.name}, {data.side}x{data.side}, {data.depth} channel{'s' if data.depth > 1 else ''}"
    yield "Schedule", f"{config.schedule.num_timesteps:,} levels, {config.prediction} prediction, seed {config.seed}"
    yield "Network", f"U-Net of {network.channels} channels x {network.multipliers}"
    evaluation = config.evaluation
    yield (
        "Evaluation",
        f"{evaluation.samples:,} samples of {evaluation.sampler}, in the space of {evaluation.main_space}",
    )
    plan = next((plan for job in reversed(run.jobs()) if (plan := job.read_plan())), None)
    if plan is not None:
        yield "Trained on", plan_words(plan)
    installed = (f"{name} {version}" for name in _LIBRARIES if (version := _version(name)))
    yield "Versions here", ", ".join((f"CFD Studio {__version__}", f"Python {platform.python_version()}", *installed))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
