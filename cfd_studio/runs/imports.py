"""Weights that a run takes from elsewhere: copied into it when it is made, with their hash and where they came from."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sources import ImageNetSource, RunSource
from cfd_studio.protocol.stages import STAGE_ID, ClassifierStage, Stage, TeacherStage
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import memory_of_this_machine, open_bounded, refuse_links

FOLDER = "imports"
_FILES = (".safetensors", ".pth", ".pt")
_CHUNK = 2**20
_LOST = "Restore the file from a copy of the run, or make the run anew."


def bring_in(run: Path, config: RunConfig) -> RunConfig:
    """Copy what a config's stages take from elsewhere into a new run.

    Each file becomes ``imports/<stage id>`` with the ending it has, and ``imports/<stage id>.json`` says where it was.

    Parameters
    ----------
    run : Path
        Its folder.
    config : RunConfig

    Returns
    -------
    RunConfig
        The same with the SHA-256 of every copy.

    Raises
    ------
    CfdError
        Where a file is missing, a link, too large, or not the one that the config names by its hash.
    OSError
        Where a copy cannot be written.
    """
    return config.model_copy(update={"stages": tuple(_with_import(run, stage) for stage in config.stages)})


def check_import(run: Path, stage: Stage) -> Path | None:
    """Return the copy that a stage's weights come from, unaltered; None where the run holds none.

    Raises
    ------
    CfdError
        Where it is missing, a link, or not the one that was copied.
    """
    source = _source(stage)
    if source is None or (origin := _origin(source)) is None:
        return None
    copy = _copy_of(run, stage.id, origin)
    digest = hashlib.sha256()
    with _opened(copy, _LOST) as stream:
        for chunk in _chunks(stream):
            digest.update(chunk)
    if digest.hexdigest() != source.sha256:
        what = "the imported weights are not the ones that were copied when the run was made"
        raise CfdError(what, where=str(copy), advice=_LOST)
    return copy


def _with_import(run: Path, stage: Stage) -> Stage:
    source = _source(stage)
    if source is None or (origin := _origin(source)) is None:
        return stage
    own = isinstance(source, RunSource)
    if isinstance(source, RunSource):
        refuse_links(Path(source.path), [source.stage])
    copy = _copy_of(run, stage.id, origin)
    copy.parent.mkdir(exist_ok=True)
    digest, size = hashlib.sha256(), 0
    advice = "Train that stage first, or name another." if own else "Name a file that can be read."
    with _opened(origin, advice, follow=not own) as stream, atomic.opened(copy) as target:
        for chunk in _chunks(stream):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    found = digest.hexdigest()
    if source.sha256 not in ("", found):
        raise CfdError(
            f"the weights for stage '{stage.id}' are not the ones that the config names by their SHA-256",
            where=str(origin),
            advice="Leave source.sha256 empty to take what is there.",
        )
    note = {"stage": stage.id, "origin": str(origin), "bytes": size, "sha256": found}
    atomic.write_bytes(copy.parent / f"{stage.id}.json", json.dumps(note, indent=2).encode())
    return stage.model_copy(update={"source": source.model_copy(update={"sha256": found})})


def _source(stage: Stage) -> RunSource | ImageNetSource | None:
    source = stage.source if isinstance(stage, (ClassifierStage, TeacherStage)) else None
    return source if isinstance(source, (RunSource, ImageNetSource)) else None


def _origin(source: RunSource | ImageNetSource) -> Path | None:
    """Return the file outside of the run that weights come from; None where they are downloaded."""
    if isinstance(source, ImageNetSource):
        return Path(source.file) if source.file else None
    if not re.fullmatch(STAGE_ID, source.stage):
        raise CfdError(f"'{source.stage}' is the id of no stage", where=source.path)
    return Path(source.path) / "stages" / source.stage / "weights.safetensors"


def _copy_of(run: Path, stage_id: str, origin: Path) -> Path:
    if origin.suffix not in _FILES:
        advice = f"Name a file that ends in {', '.join(_FILES)}."
        raise CfdError("is no file of weights by its name", where=str(origin), advice=advice)
    return run / FOLDER / f"{stage_id}{origin.suffix}"


def _opened(path: Path, advice: str, *, follow: bool = False) -> BinaryIO:
    try:
        return open_bounded(path, memory_of_this_machine(), follow=follow)
    except OSError as error:
        what = f"the weights cannot be read ({error.strerror})"
        raise CfdError(what, where=str(path), advice=advice) from None


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk
