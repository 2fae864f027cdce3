"""What a run holds, for lists and trees: its models, how good they are, and where their weights come from."""

from dataclasses import dataclass
from pathlib import Path

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.figures import METRIC_WORDS, find
from cfd_studio.protocol.sources import RunSource
from cfd_studio.protocol.stages import ClassifierStage, Stage, TeacherStage
from cfd_studio.runs.folder import RunFolder

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A Fréchet distance to the held-out images, and the feature space that it was measured in; lower is better."""

    value: float
    space: str
    name: str = METRIC_WORDS["frechet"]


@dataclass(frozen=True, slots=True)
class Model:
    """One stage of a run, as a line.

    Attributes
    ----------
    sampling_steps : int
        Its own; 0 for a classifier.
    standing : Standing or None
        At its own steps, in the space that stands for the run.
    origin : (Path, str) or None
        Run and stage that its weights were copied from.
    imported : bool
        Whether its weights come from outside of the run, whatever the place.
    """

    id: str
    kind: str
    parent: str | None
    sampling_steps: int
    trained: bool
    standing: Standing | None = None
    origin: tuple[Path, str] | None = None
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What a run holds; ``strip`` is the newest picture of samples."""

    name: str
    models: tuple[Model, ...]
    strip: Path | None


class ContentsReader:
    """Reads what a run holds, and reads it again only where something in it has changed."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._stamp: Stamp | None = None
        self._contents: Contents | None = None

    def read(self) -> Contents:
        """Return what the run holds now.

        Raises
        ------
        CfdError
            Where its config cannot be read.
        OSError
            Where its folder cannot.
        """
        stamp = self._look()
        if self._contents is None or stamp != self._stamp:
            config = self._run.config()
            models = tuple(_model(self._run, config, stage) for stage in config.stages)
            self._contents = Contents(config.name, models, self._newest_strip(config))
            self._stamp = stamp  # the first one knows of no stage yet, so the second look reads once more
        return self._contents

    def _look(self) -> Stamp:
        """Return what changes with anything that is read here: files are replaced, and their folders know of it."""
        places = [self._run.path / "run.json", self._run.path / "config.json"]
        for model in self._contents.models if self._contents else ():
            places += [self._run.stage(model.id), self._run.stage(model.id) / "samples"]
        return tuple(_stamp(place) for place in places)

    def _newest_strip(self, config: RunConfig) -> Path | None:
        newest: tuple[int, Path] | None = None
        for stage in config.stages:
            for path in (self._run.stage(stage.id) / "samples").glob("*.png"):
                found = (_stamp(path)[0], path)
                newest = max(newest, found) if newest else found
        return newest[1] if newest else None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        about = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return 0, 0, 0
    return about.st_mtime_ns, about.st_size, about.st_ino


def _model(run: RunFolder, config: RunConfig, stage: Stage) -> Model:
    source = stage.source if isinstance(stage, (ClassifierStage, TeacherStage)) else None
    origin = (Path(source.path), source.stage) if isinstance(source, RunSource) else None
    return Model(
        id=stage.id,
        kind=stage.kind,
        parent=stage.parent,
        sampling_steps=0 if isinstance(stage, ClassifierStage) else config.own_steps(stage),
        trained=run.weights(stage.id).exists(),
        standing=_standing(run, config, stage.id),
        origin=origin,
        imported=source is not None,
    )


def _standing(run: RunFolder, config: RunConfig, stage_id: str) -> Standing | None:
    quality = run.quality(stage_id)
    headline = quality.headline if quality else None
    figure = find(headline.figures, config.evaluation.main_space, "held-out") if headline else None
    return Standing(figure.value, config.evaluation.main_space, figure.name) if figure else None
