"""What the application remembers from one start to the next: one small JSON file, written whole or not at all."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cfd_studio.protocol.execution import DEFAULT_WORKER, DEVICE, MOST_PARTS, MOST_PROCESSES, ExecutionRequest, Worker
from cfd_studio.protocol.fast_paths import AskedPrecision, FastText
from cfd_studio.protocol.fields import PATH
from cfd_studio.runs import notes
from cfd_studio.workspace.folders import config_folder

LONGEST_HISTORY = 20
MOST_DRAWINGS_MIB = 2**20
LONGEST_LAYOUT = 4096  # characters, of one part
ThemeChoice = Literal["system", "light", "dark"]


class Settings(BaseModel):
    """The settings; a field that a newer version wrote is ignored.

    ``image_folders`` is where the images of data sets were found, by the name of the set; ``layout`` how the window was
    arranged, in words that only Qt reads; ``drawings_mib`` the room for samples that were drawn in
    the window, 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    device: str = Field("auto", pattern=DEVICE)
    threads: int = Field(0, ge=0, le=1024)
    worker: Worker = DEFAULT_WORKER
    processes: int = Field(1, ge=1, le=MOST_PROCESSES)
    accumulation: int = Field(0, ge=0, le=MOST_PARTS)
    precision: AskedPrecision = "auto"
    fast: FastText = Field("", max_length=1024)
    inception_file: str = Field("", max_length=4096, pattern=PATH)
    image_folders: dict[str, str] = Field({}, max_length=LONGEST_HISTORY)
    theme: ThemeChoice = "system"
    layout: dict[str, Annotated[str, Field(max_length=LONGEST_LAYOUT)]] = Field({}, max_length=LONGEST_HISTORY)
    drawings_mib: int = Field(1024, ge=0, le=MOST_DRAWINGS_MIB)
    notify: bool = True
    keep_awake: bool = True
    opened: tuple[Path, ...] = Field((), max_length=LONGEST_HISTORY)

    @property
    def request(self) -> ExecutionRequest:
        """What was asked of the machine last."""
        return ExecutionRequest.model_validate(self.model_dump(include=set(ExecutionRequest.model_fields)))

    def remembering(self, run: Path) -> "Settings":
        """Return the settings with a run folder at the head of those opened elsewhere."""
        others = [path for path in self.opened if path != run]
        return self.model_copy(update={"opened": (run, *others)[:LONGEST_HISTORY]})

    def forgetting(self, runs: Collection[Path]) -> "Settings":
        """Return the settings without some of the run folders opened elsewhere."""
        return self.model_copy(update={"opened": tuple(path for path in self.opened if path not in runs)})


def settings_file() -> Path:
    """Return where the settings lie."""
    return config_folder() / "settings.json"


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings; a damaged file is kept aside and the defaults are used."""
    return notes.read_or_begin(path or settings_file(), Settings, follow=True)


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings.

    Raises
    ------
    OSError
        Where the folder cannot be written; the old file is untouched.
    """
    notes.write_own(path or settings_file(), settings)
