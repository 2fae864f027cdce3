"""Where everything in a run lies, and how a run comes to be."""

import contextlib
import errno
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.config import FORMAT_VERSION, RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.migration import format_version
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs import atomic, imports, notes
from cfd_studio.runs.intake import JOB_NAME, LARGEST_CONFIG, read_bounded, refuse_links
from cfd_studio.runs.job_folder import JobFolder

LAST_JOB = 999_999_999
EVALUATE = "evaluate"  # jobs that measure, and neither train nor hold the run
_ATTEMPTS = 3  # two such jobs may want the same number


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on the disk. Making this object touches nothing; `create` and `open` do."""

    path: Path

    @classmethod
    def create(cls, path: Path, config: RunConfig) -> "RunFolder":
        """Make a new run, with a copy of the weights that it takes from elsewhere; from now on it exists.

        Raises
        ------
        CfdError
            Where the folder holds something already, or cannot be written, or weights cannot be read.
        """
        run = cls(path)
        run.refuse_taken()
        try:
            (path / "jobs").mkdir(parents=True)  # from here on nobody else makes a run here
            try:
                (path / "stages").mkdir()
                config = imports.bring_in(path, config)
                notes.write(path / "config.json", config)
                birth = json.dumps({"format_version": FORMAT_VERSION}, indent=2)
                atomic.write_bytes(path / "run.json", birth.encode())
            except BaseException:  # half a run would stand in the way of the next attempt
                shutil.rmtree(path / imports.FOLDER, ignore_errors=True)
                with contextlib.suppress(OSError):
                    (path / "config.json").unlink(missing_ok=True)
                    (path / "stages").rmdir()
                with contextlib.suppress(OSError):
                    (path / "jobs").rmdir()
                raise
        except OSError as error:
            raise _not_written(path, error) from None
        return run

    def refuse_taken(self) -> None:
        """Make sure that no run was made here yet, and that nothing else is in the way.

        Raises
        ------
        CfdError
            Where the folder holds something already, or cannot be looked into.
        """
        path = self.path
        try:
            if (path / "run.json").exists():
                raise CfdError("holds a run already", where=str(path), advice="Resume it, or choose another folder.")
            if path.exists() and any(path.iterdir()):
                raise CfdError("is not empty", where=str(path), advice="Choose a new or an empty folder for the run.")
        except OSError as error:
            raise _not_written(path, error) from None

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Return an existing run.

        Raises
        ------
        CfdError
            Where the folder is no run.
        """
        try:
            complete = (path / "run.json").is_file() and (path / "config.json").is_file()
            what = "is no run folder" if path.is_dir() else "there is no such folder"
        except OSError as error:
            complete, what = False, f"cannot be opened ({error.strerror})"
        if not complete:
            raise CfdError(
                what,
                where=str(path),
                advice="A run folder holds run.json and config.json; `cfd-studio runs` lists yours.",
            )
        return cls(path)

    def config(self) -> RunConfig:
        """Return the experiment; one of an older format in today's words.

        Raises
        ------
        CfdError
            Where ``config.json`` or ``run.json`` cannot be read, they disagree, or a newer version wrote them.
        ConfigError
            Where the config cannot be understood.
        """
        source = str(self.path / "config.json")
        raw, birth = (_read_json(self.path / name) for name in ("config.json", "run.json"))
        said, born = (format_version(one, source=str(self.path)) for one in (raw, birth))
        if said is None or said != born:
            raise CfdError(
                f"config.json names {_format(said)}, run.json {_format(born)}",
                where=str(self.path),
                advice="Both files of a run name the same; restore the one that was changed from a copy.",
            )
        config = resolve(raw, source=source)
        refuse_links(self.path, (stage.id for stage in config.stages))
        return config

    def stage(self, stage_id: str) -> Path:
        """Return the folder of a stage, which need not exist yet."""
        return self.path / "stages" / stage_id

    def weights(self, stage_id: str) -> Path:
        """Return the weights that a trained stage samples with; the file exists exactly when the stage is trained."""
        return self.stage(stage_id) / "weights.safetensors"

    def quality(self, stage_id: str) -> StageQuality | None:
        """Return what was measured at the end of a stage, or None before that."""
        quality = notes.read(self.stage(stage_id) / "quality.json", StageQuality)
        return quality if quality is not None and quality.stage == stage_id else None

    def write_quality(self, quality: StageQuality) -> None:
        """Keep what was measured at the end of a stage; the file exists exactly when the stage is judged."""
        notes.write(self.stage(quality.stage) / "quality.json", quality)

    def jobs(self) -> list[JobFolder]:
        """Return all jobs that trained the run or brought it in, oldest first."""
        return [job for job in self._all_jobs() if job.kind != EVALUATE]

    def evaluations(self) -> list[JobFolder]:
        """Return all jobs that only measured, oldest first."""
        return [job for job in self._all_jobs() if job.kind == EVALUATE]

    def _all_jobs(self) -> list[JobFolder]:
        try:
            entries = [
                entry
                for entry in (self.path / "jobs").iterdir()
                if JOB_NAME.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink()
            ]
        except OSError:
            return []
        return sorted((JobFolder(entry) for entry in entries), key=lambda job: (job.number, job.path.name))

    def new_job(self, kind: str) -> JobFolder:
        """Make the folder of the next job. The caller holds the lease, unless the job only measures.

        Raises
        ------
        CfdError
            Where it cannot be written.
        """
        refused = OSError()
        for _ in range(_ATTEMPTS):
            jobs = self._all_jobs()
            number = jobs[-1].number + 1 if jobs else 1
            if number > LAST_JOB:
                raise CfdError("no run has so many jobs", where=str(jobs[-1].path), advice="Move that folder away.")
            job = JobFolder(self.path / "jobs" / f"{number:04d}-{kind}")
            try:
                job.inbox.mkdir(parents=True)
                return job
            except FileExistsError as error:
                refused = error
            except OSError as error:
                raise _not_written(self.path, error) from None
        raise _not_written(self.path, refused)


def _not_written(run: Path, error: OSError) -> CfdError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "Make room on the disk." if full else "Choose a folder that you may write to."
    return CfdError(f"the run cannot be written ({error.strerror or error})", where=str(run), advice=advice)


def _read_json(path: Path) -> Any:
    try:
        return strict_json.loads(read_bounded(path, LARGEST_CONFIG))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CfdError(f"cannot be read ({why})", where=str(path), advice="Restore it from a copy.") from None


def _format(version: int | None) -> str:
    return "no format" if version is None else f"format {version}"
