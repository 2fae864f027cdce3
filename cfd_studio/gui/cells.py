"""What stands in a cell of the samples: before it is drawn, while it waits, and after."""

from dataclasses import replace

from PySide6.QtGui import QImage

from cfd_studio.gui.models.comparison import ColumnKey, ModelRow, refusal
from cfd_studio.gui.models.pictures import arrangement
from cfd_studio.gui.models.quality import Quality
from cfd_studio.gui.models.words import milliseconds
from cfd_studio.gui.widgets.cell import Cell
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, SampleRequest

_DRAWING_LINES = 2  # of a tooltip; what was measured follows


def prepared(old: Cell, row: ModelRow, column: ColumnKey, label: int | None, *, asked: bool, count: int) -> Cell:
    """Return a cell before drawing: ``waiting`` exactly where it is to be drawn."""
    wide, _ = arrangement(count)
    why, sentence = refusal(row, column, label)
    if why:
        return Cell("blank", columns=wide, count=count, note=why, tip=sentence)
    if asked:
        shown = old if old.image is not None else Cell(columns=wide, count=count)
        return replace(shown, state="waiting", own=column.sampling_steps == row.own_steps)
    if old.image is not None:
        return old
    steps = column.sampling_steps
    tip = f"Tick {steps} to draw {row.title} with {steps} steps as well."
    return Cell("idle", columns=wide, count=count, tip=tip)


def drawn(answer: SampleAnswer, image: QImage, row: ModelRow, known: Quality) -> Cell:
    """Return a cell with images and what is known of them."""
    request = answer.request
    columns, _ = arrangement(request.count)
    caption = f"{milliseconds(answer.seconds_per_image)} · {_calls(answer)}"
    own = request.sampling_steps == row.own_steps
    lines = [*drawing_lines(answer), known.tip]
    return Cell("done", image, columns, request.count, caption, known.note, own, "\n".join(lines))


def judged(cell: Cell, known: Quality) -> Cell:
    """Return a drawn cell with newer figures below it."""
    return replace(cell, note=known.note, tip="\n".join([*cell.tip.splitlines()[:_DRAWING_LINES], known.tip]))


def starred(cell: Cell, request: SampleRequest, favourites: tuple[ImageKey, ...]) -> Cell:
    """Return a drawn cell with a star on each favourite."""
    return replace(cell, stars=frozenset(index for index, key in enumerate(request.keys) if key in favourites))


def waiting(old: Cell) -> Cell:
    """Return a cell that is drawn anew; what it shows stays."""
    return replace(old, state="waiting")


def failed(old: Cell, sentence: str) -> Cell:
    """Return a cell that could not be drawn."""
    return replace(old, state="failed", image=None, tip=sentence, caption="", note="")


def dropped(old: Cell) -> Cell:
    """Return a cell that is no longer waited for; what it shows stays."""
    return replace(old, state="done" if old.image is not None else "idle")


def drawing_lines(answer: SampleAnswer) -> tuple[str, str]:
    """Return how the images of an answer were drawn, and what that took, for the tooltip of their cell."""
    request = answer.request
    parts = [f"{request.stage} with {request.sampling_steps} sampling steps", seed_words(request.keys)]
    parts.append(str(request.sampler))
    if request.label is not None:
        parts.append("no class" if request.label < 0 else f"class {request.label}")
    calls = f"{answer.network_calls} network call{'s' if answer.network_calls != 1 else ''}"
    return ", ".join(parts), f"{calls}, {milliseconds(answer.seconds_per_image)} / image"


def seed_words(keys: tuple[ImageKey, ...]) -> str:
    """Return which seeds images were drawn from."""
    seeds = list(dict.fromkeys(key.seed for key in keys))
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"


def _calls(answer: SampleAnswer) -> str:
    return f"{answer.network_calls} call{'s' if answer.network_calls != 1 else ''}"
