"""What stands in a cell of the samples: before it is drawn, while it waits, and after."""

from dataclasses import replace

from PySide6.QtGui import QImage

from cfd_studio.gui.models.comparison import ModelRow, arrangement, drawing_lines, quality_note
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import milliseconds
from cfd_studio.gui.widgets.sample_grid import Cell
from cfd_studio.protocol.sampling import SampleAnswer

_DRAWING_LINES = 2  # of a tooltip; what was measured follows


def prepared(old: Cell, row: ModelRow, steps: int, *, asked: bool, count: int) -> Cell:
    """Return a cell before drawing: ``waiting`` exactly where it is to be drawn."""
    columns, _ = arrangement(count)
    if steps > row.own_steps:
        tip = f"{row.id} was made for {row.own_steps} steps; it has none to add between them."
        return Cell("blank", columns=columns, count=count, tip=tip)
    if asked:
        shown = old if old.image is not None else replace(old, columns=columns, count=count)
        return replace(shown, state="waiting", own=steps == row.own_steps)
    if old.image is not None:
        return old
    tip = f"Tick {steps} to draw {row.id} with {steps} steps as well."
    return Cell("idle", columns=columns, count=count, tip=tip)


def drawn(answer: SampleAnswer, image: QImage, row: ModelRow, snapshot: RunSnapshot) -> Cell:
    """Return a cell with images and what is known of them."""
    request = answer.request
    columns, _ = arrangement(request.count)
    note, tip = quality_note(snapshot, request.stage, request.sampling_steps, str(request.sampler))
    caption = f"{milliseconds(answer.seconds_per_image)} / image"
    own = request.sampling_steps == row.own_steps
    lines = [*drawing_lines(answer), tip]
    return Cell("done", image, columns, request.count, caption, note, own, "\n".join(lines))


def judged(cell: Cell, note: str, tip: str) -> Cell:
    """Return a drawn cell with newer figures below it."""
    return replace(cell, note=note, tip="\n".join([*cell.tip.splitlines()[:_DRAWING_LINES], tip]))


def failed(old: Cell, sentence: str) -> Cell:
    """Return a cell that could not be drawn."""
    return replace(old, state="failed", image=None, tip=sentence, caption="", note="")


def dropped(old: Cell) -> Cell:
    """Return a cell that is no longer waited for; what it shows stays."""
    return replace(old, state="done" if old.image is not None else "idle")
