"""Small JSON files of one model each: read with care, written whole."""

import contextlib
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from cfd_studio.runs import atomic
from cfd_studio.runs.intake import LARGEST_NOTE, read_bounded

Note = TypeVar("Note", bound=BaseModel)


def write(path: Path, note: BaseModel) -> None:
    """Replace a note.

    Raises
    ------
    OSError
        Where it cannot be written; the old one is untouched.
    """
    atomic.write_bytes(path, note.model_dump_json(indent=2).encode())


def write_own(path: Path, note: BaseModel) -> None:
    """Replace a note of the user's own, whose folder is made where it is not there yet.

    Raises
    ------
    OSError
        Where it cannot be written; the old one is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, note)


def read(path: Path, kind: type[Note]) -> Note | None:
    """Return a note, or None where it is missing or not to be read."""
    try:
        return kind.model_validate_json(read_bounded(path, LARGEST_NOTE))
    except (OSError, ValueError):
        return None


def read_or_begin(path: Path, kind: type[Note], *, follow: bool = False, largest: int = LARGEST_NOTE) -> Note:
    """Return a note that is going to be changed: a new one where it is missing; a damaged one is kept aside.

    Parameters
    ----------
    path : Path
    kind : type
        Its model, all of whose fields have defaults.
    follow : bool, optional
        Whether it may be a link: a person's own file may, one of a run may not.
    largest : int, optional
        Bytes that are read at most.
    """
    try:
        return kind.model_validate_json(read_bounded(path, largest, follow=follow))
    except FileNotFoundError:
        return kind()
    except (OSError, ValueError):
        with contextlib.suppress(OSError):  # a file that cannot be moved cannot be read either
            path.rename(path.with_name(f"{path.stem}.damaged-{time.time_ns()}{path.suffix}"))
        return kind()
