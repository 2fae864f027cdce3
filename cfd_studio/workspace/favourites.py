"""The images that a person wants to see again: seeds and indices, in one small JSON file of the user's."""

from pathlib import Path

from pydantic import Field, field_validator

from cfd_studio.protocol.fields import Words
from cfd_studio.protocol.sampling import ImageKey
from cfd_studio.protocol.sheets import MOST_KEYS, Whole
from cfd_studio.runs import notes
from cfd_studio.workspace.folders import config_folder


class Favourites(Words):
    """Seed and index of each favourite, in the order in which they were chosen; as many as a sheet can hold."""

    keys: tuple[tuple[Whole, Whole], ...] = Field((), max_length=MOST_KEYS)

    @field_validator("keys")
    @classmethod
    def _once(cls, keys: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        return tuple(dict.fromkeys(keys))

    @classmethod
    def of(cls, keys: tuple[ImageKey, ...]) -> "Favourites":
        """Return them as they are written."""
        return cls(keys=tuple((key.seed, key.index) for key in keys))

    @property
    def image_keys(self) -> tuple[ImageKey, ...]:
        """What each favourite is drawn from."""
        return tuple(ImageKey(*key) for key in self.keys)


def favourites_file() -> Path:
    """Return where they lie."""
    return config_folder() / "favourites.json"


def load_favourites(path: Path | None = None) -> Favourites:
    """Return the favourites; a damaged file is kept aside, and there are none then."""
    return notes.read_or_begin(path or favourites_file(), Favourites, follow=True)


def save_favourites(favourites: Favourites, path: Path | None = None) -> None:
    """Write the favourites.

    Raises
    ------
    OSError
        Where the folder cannot be written; the old file is untouched.
    """
    notes.write_own(path or favourites_file(), favourites)
