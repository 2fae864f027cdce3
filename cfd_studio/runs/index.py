"""What the first part of long journals came to, kept so that the next reader need not read it again.

An index is disposable: it lies in the user's cache folder, never in the run, and one that does not fit its run to the
last byte is not used. It holds JSON and plain arrays, and nothing in it is executed.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import CommandAnswered, JobEnded, JobStarted, PhaseEntered
from cfd_studio.protocol.fields import Count
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.runs import atomic
from cfd_studio.runs.fold import GROUPS, Fold, StageMirror
from cfd_studio.runs.intake import read_bounded
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.journal import JournalReader
from cfd_studio.runs.series import Series

WORTHWHILE = 8 * 2**20  # bytes of journal that are read again rather than indexed
LARGEST_INDEX = 2**30
KEPT_INDEXES = 16
_DIGEST = 16
_UNNAMED = 5  # series that every stage has


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class _Journal(_Words):
    offset: Count
    seam: str = Field(pattern=r"^([0-9a-f]{2})*$")
    skipped: Count


class _Stage(_Words):
    step: int
    state: str
    checkpoints: list[int]
    resumed: list[int]
    begun: int | None
    judging: float
    seconds: float
    quality: StageQuality | None
    names: dict[str, list[str]]  # of the curves of each of `GROUPS`
    points: list[int]  # of each series, in the order of `StageMirror.series`


class _Head(_Words):
    version: Literal[4] = 4  # another one as soon as `Fold` makes something else of the same events
    config: str
    journals: dict[str, _Journal]
    stages: dict[str, _Stage]
    log: list[tuple[float, str, str]]
    log_count: int
    answers: list[CommandAnswered]
    phase: PhaseEntered | None
    job: JobStarted | None
    ended: JobEnded | None


class JournalIndex:
    """The index of one run.

    Parameters
    ----------
    folder : Path
        Where the indexes of all runs lie; made when the first is written.
    run : Path
    """

    def __init__(self, folder: Path, run: Path) -> None:
        self._file = folder / f"{hashlib.sha256(os.fsencode(run.resolve())).hexdigest()[:32]}.index"
        self._indexed = 0

    def load(self, fold: Fold, jobs: list[JobFolder]) -> dict[str, JournalReader]:
        """Fill a fresh fold; return the readers that go on from there, by the names of their jobs.

        Where there is no index, or none that fits, the fold stays as it is and there are no readers. Whether the
        journals still begin as they did is found by the readers.
        """
        try:
            head, numbers = _unpack(read_bounded(self._file, LARGEST_INDEX))
            known = {job.path.name: job.journal for job in jobs}
            if head.config != _fingerprint(fold.config) or not head.journals.keys() <= known.keys():
                return {}
            if any(known[name].stat().st_size < journal.offset for name, journal in head.journals.items()):
                return {}
            if head.stages.keys() != fold.stages.keys():
                return {}
            curves = _curves_of(head, numbers)
        except (OSError, ValueError):
            return {}
        _fill(fold, head, curves)
        self._indexed = sum(journal.offset for journal in head.journals.values())
        return {
            name: JournalReader(known[name], journal.offset, bytes.fromhex(journal.seam), journal.skipped)
            for name, journal in head.journals.items()
        }

    def save_if_worthwhile(self, fold: Fold, readers: dict[str, JournalReader]) -> None:
        """Write the index where much was read since; that it cannot be written is nobody's concern."""
        total = sum(reader.offset for reader in readers.values())
        if abs(total - self._indexed) < max(WORTHWHILE, self._indexed // 8):
            return
        self._indexed = total
        journals = {
            name: _Journal(offset=reader.offset, seam=reader.seam.hex(), skipped=reader.skipped)
            for name, reader in readers.items()
        }
        with contextlib.suppress(OSError, ValueError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_bytes(self._file, *_pack(fold, journals))
            indexes = sorted(self._file.parent.glob("*.index"), key=lambda file: file.stat().st_mtime)
            for old in indexes[:-KEPT_INDEXES]:
                old.unlink(missing_ok=True)


def _pack(fold: Fold, journals: dict[str, _Journal]) -> list[bytes | memoryview]:
    head = _Head(
        config=_fingerprint(fold.config),
        journals=journals,
        stages={stage.id: _stage_words(stage) for stage in fold.stages.values()},
        log=list(fold.log),
        log_count=fold.log_count,
        answers=list(fold.answers.values()),
        phase=fold.phase,
        job=fold.job,
        ended=fold.ended,
    )
    words = head.model_dump_json().encode()
    pieces: list[bytes | memoryview] = [len(words).to_bytes(8, "little"), words]
    for stage in fold.stages.values():
        for series in stage.series():
            pieces += [np.ascontiguousarray(column, "<f8").data for column in (series.steps, series.values)]
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for piece in pieces:
        digest.update(piece)
    return [digest.digest(), *pieces]


def _unpack(data: bytes) -> tuple[_Head, NDArray[np.float64]]:
    """Return the two parts of an index; raises ValueError where it is not whole."""
    content = memoryview(data)[_DIGEST:]
    length = int.from_bytes(content[:8], "little")
    if hashlib.blake2b(content, digest_size=_DIGEST).digest() != data[:_DIGEST] or length > len(content) - 8:
        raise ValueError
    return _Head.model_validate_json(bytes(content[8 : 8 + length])), np.frombuffer(content[8 + length :], "<f8")


def _curves_of(head: _Head, numbers: NDArray[np.float64]) -> dict[str, list[Series]]:
    """Cut the arrays into curves; raises ValueError where they are not those that the words tell of."""
    curves: dict[str, list[Series]] = {}
    at = 0
    for name, stage in head.stages.items():
        named = sum(len(names) for names in stage.names.values())
        if tuple(stage.names) != GROUPS or len(stage.points) != _UNNAMED + named or min(stage.points) < 0:
            raise ValueError
        curves[name] = []
        for count in stage.points:
            series = Series()
            steps, values = numbers[at : at + count], numbers[at + count : at + 2 * count]
            if len(values) != count or not np.all(np.diff(steps) > 0):
                raise ValueError
            if count:
                series.extend(steps, values)
            curves[name].append(series)
            at += 2 * count
    if at != len(numbers):
        raise ValueError
    return curves


def _fill(fold: Fold, head: _Head, curves: dict[str, list[Series]]) -> None:
    for name, words in head.stages.items():
        stage = fold.stages[name]
        stage.step, stage.state, stage.checkpoints = words.step, words.state, words.checkpoints
        stage.quality, stage.seconds, stage.resumed = words.quality, words.seconds, words.resumed
        stage.begun, stage.judging = words.begun, words.judging
        stage.loss, stage.held_out, stage.accuracies, stage.learning_rate, stage.pace, *others = curves[name]
        rest = iter(others)
        for group, names in words.names.items():
            setattr(stage, group, {name: next(rest) for name in names})
    fold.log.extend(head.log)
    fold.log_count = head.log_count
    fold.answers = {answer.command: answer for answer in head.answers}
    fold.phase, fold.job, fold.ended = head.phase, head.job, head.ended


def _stage_words(stage: StageMirror) -> _Stage:
    return _Stage(
        step=stage.step,
        state=stage.state,
        checkpoints=stage.checkpoints,
        resumed=stage.resumed,
        begun=stage.begun,
        judging=stage.judging,
        seconds=stage.seconds,
        quality=stage.quality,
        names={group: list(getattr(stage, group)) for group in GROUPS},
        points=[len(series) for series in stage.series()],
    )


def _fingerprint(config: RunConfig) -> str:
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()
