"""What a recipe inherits with weights from elsewhere: everything that shapes the network that they are for."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DATA_SETS, DataConfig
from cfd_studio.protocol.errors import CfdError, ConfigError, Problem
from cfd_studio.protocol.sources import ImageNetSource
from cfd_studio.protocol.stages import ClassifierStage, DiffusionStage
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import typed_path

_OF_A_LINEAGE = {"schedule", "prediction", "clip_samples", "network"}
_OF_A_CLASSIFIER = {"architecture", "width", "dropout", "stem", "normalization", "input_size"}
_FOR_IMAGENET = {"stem": "imagenet", "normalization": "imagenet", "input_size": 224}


def fill_sources(raw: Any, *, source: str | None = None) -> Any:
    """Return a raw recipe in which every stage with a source has what its weights dictate.

    An imported teacher brings noise schedule, prediction and network, its own number of steps, and the size of its
    images where the recipe leaves it open; an imported classifier its architecture and its input. A recipe without
    sources is returned as it is, and nothing is read.

    Parameters
    ----------
    raw : Any
        What the JSON file holds; what `cfd_studio.protocol.plan.resolve` refuses is left to it.
    source : str, optional
        Named in the error.

    Raises
    ------
    ConfigError
        Where another run cannot be read, has no such trained stage, or one that does not fit; field by field.
    """
    if not has_sources(raw):
        return raw
    stages = raw["stages"]
    filling = _Filling({**raw, "stages": [dict(stage) if isinstance(stage, dict) else stage for stage in stages]})
    for kind in ("teacher", "classifier"):  # in this order: a teacher may say the size of the images
        for stage in filling.raw["stages"]:
            if _source_of(stage) and stage.get("kind") == kind:
                filling.fill(stage)
    if filling.problems:
        raise ConfigError(filling.problems, source=source)
    return filling.raw


def has_sources(raw: Any) -> bool:
    """Tell whether a raw recipe takes weights from elsewhere, so that `fill_sources` has something to do."""
    stages = raw.get("stages") if isinstance(raw, dict) else None
    return isinstance(stages, list) and any(_source_of(stage) for stage in stages)


def import_teacher(raw: dict[str, Any], other: str) -> dict[str, Any]:
    """Return a copy of a raw recipe whose teacher is a trained model of another run.

    Parameters
    ----------
    raw : dict
    other : str
        ``RUN`` or ``RUN:STAGE``; without a stage it is that run's first model, its teacher.

    Raises
    ------
    CfdError
        Where the recipe has no teacher, or more than one, or the other run none.
    """
    path, separator, stage = other.rpartition(":")
    if not separator or Path(other).is_dir():
        path = other
        models = RunFolder.open(Path(path)).config().diffusion_stages()
        if not models:
            raise CfdError("the run has no teacher", where=other, advice="Name a run with a diffusion model.")
        stage = models[0].id
    stages = raw.get("stages")
    listed = stages if isinstance(stages, list) else []
    teachers = [one for one in listed if isinstance(one, dict) and one.get("kind") == "teacher"]
    if len(teachers) != 1:
        raise CfdError(
            f"the recipe has {len(teachers)} teachers, where one is to be replaced",
            where="--from",
            advice="Give stages.ID.source in the recipe instead.",
        )
    imported = {"kind": "teacher", "id": teachers[0].get("id"), "source": {"kind": "run", "path": path, "stage": stage}}
    return raw | {"stages": [imported if one is teachers[0] else one for one in listed]}


class _Filling:
    """A raw recipe that is being filled; ours to change."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.problems: list[Problem] = []
        self._lineage: dict[str, Any] = {}

    def fill(self, stage: dict[str, Any]) -> None:
        where, path = stage["source"], f"stages.{stage.get('id')}.source"
        if where.get("kind") == "imagenet":
            stage |= {name: value for name, value in _FOR_IMAGENET.items() if name not in stage}
            if where.get("file") and isinstance(where["file"], str):
                stage["source"] = where | {"file": str(typed_path(where["file"]))}
        elif where.get("kind") == "checkpoint":
            self._object(path, "a checkpoint becomes a run first (`cfd-studio import`); give that run as the source")
        elif all(isinstance(where.get(key), str) and where[key] for key in ("path", "stage")):
            stage["source"] = where | {"path": str(typed_path(where["path"]))}
            self._fill_from_run(stage, typed_path(where["path"]), where["stage"], path)

    def _fill_from_run(self, stage: dict[str, Any], folder: Path, stage_id: str, path: str) -> None:
        try:
            run = RunFolder.open(folder)
            other = run.config()
        except CfdError as error:
            self._object(f"{path}.path", f"{error.where or folder}: {error.what}")
            return
        classifies = stage["kind"] == "classifier"
        fitting = {one.id: one for one in other.stages if isinstance(one, ClassifierStage) == classifies}
        theirs = fitting.get(stage_id)
        if theirs is None:
            sort, have = "classifier" if classifies else "diffusion model", ", ".join(fitting) or "none"
            self._object(f"{path}.stage", f"the run has no {sort} '{stage_id[:40]}'; it has {have}")
        elif not run.weights(stage_id).is_file():
            self._object(f"{path}.stage", f"'{stage_id}' is not trained yet; resume that run first")
        elif isinstance(theirs, ClassifierStage):
            self._fill_classifier(stage, other, theirs, path)
        else:
            self._fill_teacher(stage, other, theirs, path)

    def _fill_teacher(self, stage: dict[str, Any], other: RunConfig, theirs: DiffusionStage, path: str) -> None:
        lineage = other.model_dump(include=_OF_A_LINEAGE)
        if self._lineage not in ({}, lineage):
            self._object(path, "has another network or schedule than the imported teacher before it")
            return
        self._lineage = lineage
        self.raw |= lineage
        stage["sampling_steps"] = other.own_steps(theirs)
        data, side, depth = self.raw.get("data"), other.data.side, other.data.depth
        if not isinstance(data, dict) or data.get("name") not in DATA_SETS:
            return
        known = DATA_SETS[data["name"]]
        self.raw["data"] = data = dict(data)
        if data.get("image_size") is None and known.side != side:
            data["image_size"] = side
        if data.get("channels") is None and (known.channels or 3) != depth:
            data["channels"] = depth
        if self._shape() not in (None, (side, depth)):
            sort = "grey" if depth == 1 else "colour"
            self._object("data.image_size", f"'{theirs.id}' was made for {sort} images of {side}x{side}; use such")

    def _fill_classifier(self, stage: dict[str, Any], other: RunConfig, theirs: ClassifierStage, path: str) -> None:
        stage |= theirs.model_dump(include=_OF_A_CLASSIFIER)
        stage["classes_of"] = theirs.classes_of or other.data.name
        if isinstance(theirs.source, ImageNetSource):
            stage["classes_of"] = "none"
        shape, side, depth = self._shape(), other.data.side, other.data.depth
        if shape is None:
            return
        if theirs.source is None and depth < shape[1]:
            self._object(path, f"'{theirs.id}' takes grey images, and those of this run are in colour")
        if theirs.input_size is None and side != shape[0]:
            stage["input_size"] = side
            if theirs.architecture == "mlp":
                self._object(path, f"'{theirs.id}' takes images of {side}x{side} only, as an mlp does")

    def _shape(self) -> tuple[int, int] | None:
        """Return side and channels of the recipe's images, or None where it fails to say them."""
        try:
            data = DataConfig.model_validate(self.raw.get("data"))
        except ValidationError:
            return None
        return (data.side, data.depth) if data.side else None

    def _object(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


def _source_of(stage: Any) -> dict[str, Any] | None:
    source = stage.get("source") if isinstance(stage, dict) else None
    return source if isinstance(source, dict) else None
