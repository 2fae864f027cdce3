"""What a person says of a run: name, notes and tags, in ``about.json``; the one file in a run that is the window's."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import notes

FILE = "about.json"
LONGEST_NAME = 80
LONGEST_NOTES = 100_000
LONGEST_TAG = 40
MOST_TAGS = 20
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"


class About(BaseModel):
    """The content of ``about.json``. An empty name stands for the one in the config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", max_length=LONGEST_NAME, pattern=_ONE_LINE)
    notes: str = Field("", max_length=LONGEST_NOTES)
    tags: tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_TAG, pattern=_ONE_LINE)], ...] = Field(
        (), max_length=MOST_TAGS
    )


NOTHING_SAID = About()


def tags_in(text: str) -> tuple[str, ...]:
    """Return the tags of a list with commas: each once, as many and as long as a run may have."""
    words = (" ".join(part.split())[:LONGEST_TAG].strip() for part in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))[:MOST_TAGS]


def read_about(run: Path) -> About:
    """Return what is said of a run; nothing where the file is missing or not to be read."""
    return notes.read(run / FILE, About) or NOTHING_SAID


def change_about(run: Path, **changes: Any) -> About:
    """Say something else of a run, and keep what else is said; a file that cannot be read is kept aside.

    Parameters
    ----------
    run : Path
    **changes
        Fields of `About`.

    Raises
    ------
    CfdError
        Where a field is too long, or the folder takes no file.
    """
    path = run / FILE
    try:
        before = notes.read_or_begin(path, About)
        after = About.model_validate(before.model_dump() | changes)
        if after != before:
            notes.write(path, after)
    except OSError as error:
        raise CfdError(
            f"name, notes and tags cannot be saved ({error.strerror or error})",
            where=str(run),
            advice="Its folder must be one that you may write to, with room on its disk.",
        ) from None
    except ValueError:
        raise CfdError(
            f"notes of more than {LONGEST_NOTES:,} characters, or with characters that no file takes, are not saved",
            where=str(run),
            advice="Shorten them.",
        ) from None
    return after
