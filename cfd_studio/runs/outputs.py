"""Files that a person asks for: a place that takes them, found before any work is done, and never a run's own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.intake import OF_A_RUN

_PICTURES = (".png", ".npz")


def check_output(path: Path, *, folder: bool = False) -> None:
    """Make sure that something can be written there, and that it takes nothing from a run; nothing is left behind.

    Parameters
    ----------
    path : Path
        What is to be written; its folder need not be there yet.
    folder : bool, optional
        Whether it will be a folder.

    Raises
    ------
    CfdError
        Where it is a run's own, a folder or device in place of a file, or in no folder that may be written.
    """
    with writing(path):
        # The folder counts, not a link of that name: writing replaces the link, not what it points to.
        _refuse_a_runs_own(Path(os.path.realpath(path.parent), path.name))
        if path.exists() and not folder and not path.is_file():
            raise CfdError("is there and is no plain file", where=str(path), advice="Choose another file.")
        nearest = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=nearest):  # permissions alone do not tell
            pass


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say it where something that was asked for cannot be written.

    Raises
    ------
    CfdError
    """
    try:
        yield
    except OSError as error:
        raise CfdError(
            f"cannot be written ({error.strerror or error})", where=str(path), advice="Choose another place."
        ) from None


def _refuse_a_runs_own(path: Path) -> None:
    for run in path.parents:
        if not ((run / "run.json").is_file() and (run / "config.json").is_file()):
            continue
        first, *deeper = path.relative_to(run).parts
        replaced = not deeper and path.exists() and path.suffix not in _PICTURES
        if first.casefold() in OF_A_RUN or replaced:
            raise CfdError(
                "belongs to a run, and nothing else may be written there",
                where=str(path),
                advice=f"Choose a place outside of {run}.",
            )
