"""Where each model came from: runs, their stages below one another, and runs below the stages that they took over."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cfd_studio.gui.models.words import KIND_WORDS, short
from cfd_studio.runs.catalog import RunSummary
from cfd_studio.runs.contents import Model

_Place = tuple[Path, str]  # a run and its stage


@dataclass(frozen=True, slots=True)
class Node:
    """A run (its ``stage`` is empty) or one of its models.

    Attributes
    ----------
    text, note : str
        What stands at the left and, small, at the right.
    tip : str
        Everything, as plain lines.
    faint : bool
        Whether it is not trained yet, or not there.
    """

    run: Path
    stage: str
    text: str
    note: str
    tip: str
    faint: bool
    children: tuple["Node", ...] = ()


def lineage(runs: Iterable[RunSummary]) -> tuple[Node, ...]:
    """Return the trees of all runs; one whose weights come from another run stands below the stage that gave them."""
    return _Forest(runs).grow()


class _Forest:
    """The runs by their folders, and those that begin where a stage of another run ends."""

    def __init__(self, runs: Iterable[RunSummary]) -> None:
        self._runs = {_normal(run.path): run for run in runs}
        self._heirs: dict[_Place, list[RunSummary]] = defaultdict(list)
        self._grown: set[Path] = set()
        for run in self._runs.values():
            if (place := self._giver(run)) is not None:
                self._heirs[place].append(run)

    def grow(self) -> tuple[Node, ...]:
        first = [run for run in self._runs.values() if self._giver(run) is None]
        trees = [self._run(run) for run in first]
        # Runs that claim to come from one another, as only a forged config can, are below nothing.
        trees += [self._run(run) for path, run in self._runs.items() if path not in self._grown]
        return tuple(trees)

    def _giver(self, run: RunSummary) -> _Place | None:
        """Return the stage of a listed run below which a run stands: the one that gave its teacher, if any did."""
        for model in sorted(run.models, key=lambda model: model.kind == "classifier"):
            if model.origin is None:
                continue
            path, stage = _normal(model.origin[0]), model.origin[1]
            other = self._runs.get(path)
            if other is not None and other is not run and any(one.id == stage for one in other.models):
                return path, stage
        return None

    def _run(self, run: RunSummary) -> Node:
        self._grown.add(_normal(run.path))
        shown = [model for model in run.models if model.kind != "classifier" or self._seen(run, model)]
        first = tuple(self._model(run, model, shown) for model in shown if model.parent is None)
        note = f"{run.best.name}, {run.best.space}" if run.best else ""
        return Node(run.path, "", run.name, note, f"{run.name}\n{run.path}", run.state in ("gone", "away"), first)

    def _model(self, run: RunSummary, model: Model, shown: list[Model]) -> Node:
        students = [self._model(run, other, shown) for other in shown if other.parent == model.id]
        heirs = self._heirs.get((_normal(run.path), model.id), [])
        below = [self._run(heir) for heir in heirs if _normal(heir.path) not in self._grown]
        return Node(
            run.path,
            model.id,
            model.id + self._whence(model),
            short(model.standing.value) if model.standing else "",
            _tip(model),
            not model.trained,
            (*students, *below),
        )

    def _seen(self, run: RunSummary, model: Model) -> bool:
        """Tell whether a classifier belongs into the picture: one that came from elsewhere, or went there."""
        return model.imported or (_normal(run.path), model.id) in self._heirs

    def _whence(self, model: Model) -> str:
        if model.origin is None:
            return " ← a file" if model.imported else ""
        path, stage = model.origin
        other = self._runs.get(_normal(path))
        return f" ← {other.name if other else path.name}, {stage}"


def _tip(model: Model) -> str:
    kind = KIND_WORDS[model.kind]
    lines = [f"{model.id}: {kind}" + (f", {model.sampling_steps} steps" if model.sampling_steps else "")]
    if model.standing is not None:
        standing = model.standing
        lines.append(f"{standing.name} {short(standing.value)} in {standing.space}, held-out images")
    if not model.trained:
        lines.append("Not trained yet")
    if model.origin is not None:
        lines.append(f"Its weights were copied from stage {model.origin[1]} of {model.origin[0]}")
    return "\n".join(lines)


def _normal(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100, resolving would ask the disk
