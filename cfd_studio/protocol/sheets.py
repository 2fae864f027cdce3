"""A sheet of samples: the setting that draws it again, and what stands in its cells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cfd_studio.protocol.fields import PATH, Words
from cfd_studio.protocol.sampling import DDIM, ImageKey, Sampler
from cfd_studio.protocol.stages import STAGE_ID

MOST_ROWS = 64
MOST_COLUMNS = 64
MOST_KEYS = 256
Whole = Annotated[int, Field(ge=0, lt=2**31)]


class SheetModel(Words):
    """The model of a row: a stage of a run; ``weights`` is the SHA-256 of its file, empty where nobody took it."""

    run: str = Field(min_length=1, max_length=4096, pattern=PATH)
    stage: str = Field(pattern=STAGE_ID)
    weights: str = Field("", pattern=r"^([0-9a-f]{64})?$")

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.run)


class SheetColumn(Words):
    """How a column is drawn; without a number of steps, each model with its own."""

    sampling_steps: int | None = Field(None, ge=1, le=8192)
    sampler: Sampler = DDIM


class Spot(Words):
    """A cell: the stage and the run of its row, and its column, whose number of steps is given."""

    model: SheetModel
    column: SheetColumn


Look = Literal["beside", "slider", "blink", "difference"]


class SheetView(Words):
    """How a sheet is looked at.

    ``zoom`` is how many times larger than it fits an image is shown, around ``centre``, in shares of its sides.
    Where two cells are compared, ``pair`` names them and ``look`` says how.
    """

    zoom: float = Field(1.0, ge=1.0, le=64.0)
    centre: tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]] = (0.5, 0.5)
    pair: tuple[Spot, Spot] | None = None
    look: Look = "beside"


class Sheet(Words):
    """The setting of a sheet: whoever has the models draws the same images from it.

    ``keys`` holds seed and index of each image of a cell. ``label`` is their class as in `SampleRequest`.
    """

    format_version: Literal[1] = 1
    models: tuple[SheetModel, ...] = Field(min_length=1, max_length=MOST_ROWS)
    columns: tuple[SheetColumn, ...] = Field(min_length=1, max_length=MOST_COLUMNS)
    keys: tuple[tuple[Whole, Whole], ...] = Field(min_length=1, max_length=MOST_KEYS)
    label: int | None = Field(None, ge=-1, lt=1_000_000)
    view: SheetView = SheetView()

    @property
    def image_keys(self) -> tuple[ImageKey, ...]:
        """What each image of a cell is drawn from."""
        return tuple(ImageKey(*key) for key in self.keys)


@dataclass(frozen=True, slots=True)
class SheetCell:
    """A drawn cell of a sheet.

    Attributes
    ----------
    title : str
        What the window calls the model.
    own : bool
        Whether the model was made for this number of steps.
    images : ndarray of float32, shape (count, channels, height, width)
        Range [-1, 1], in the order of the keys.
    quality : str
        The figure with its metric, as in ``Fréchet 1.23``; empty where none was measured with this setting.
    space : str
        The feature space of the figure.
    """

    model: SheetModel
    title: str
    sampling_steps: int
    sampler: Sampler
    own: bool
    images: NDArray[np.float32]
    seconds_per_image: float
    network_calls: int
    quality: str = ""
    space: str = ""
