"""The comparison picture: models by step counts, one noise."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.evaluation import halvings
from cfd_studio.engine.gallery import tile
from cfd_studio.engine.models import Model
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM, Sampler

PAPER, INK, FAINT, ACCENT, CELL = "#ffffff", "#1f2430", "#8a909c", "#3b6fe0", 214
MARGIN, GUTTER, LABEL, HEADER, CAPTION = 24, 14, 132, 34, 20
CELL_SIDE = 150


def draw_sheet(
    models: list[Model],
    step_counts: list[int] | None,
    count: int,
    seed: int,
    samplers: Sequence[Sampler] = (DDIM,),
    classes: Sequence[int] | None = None,
) -> Image.Image:
    """Return the picture. Cells above a model's own step count are empty, its own is outlined.

    Parameters
    ----------
    models : list of Model
        A row for each of the samplers, at least one; students are not guided.
    step_counts : list of int or None
        A column each, most first; all halvings of the longest model by default.
    count, seed : int
        Images per cell and the seed of their noise.
    samplers : sequence of Sampler, optional
    classes : sequence of int, optional
        Of the images of a cell, in turn; all that a class-conditional model has by default.

    Raises
    ------
    CfdError
        Where a model has no such class, cannot be guided, or where no model can use as few steps as any column has.
    """
    rows = [
        (model, sampler)
        for model in models
        for sampler in dict.fromkeys(one.unguided if model.student else one for one in samplers)
    ]
    most = max(model.own_steps for model in models)
    columns = sorted(step_counts or halvings(most), reverse=True)
    if columns[-1] > most:
        raise CfdError(
            f"no model can use {columns[-1]} steps, and the picture would be empty", advice=f"Ask for 1 to {most}."
        )
    per_row = math.ceil(math.sqrt(count))
    noise = starting_noise(seed, 0, count, models[0].shape)
    side = models[0].shape[2] * per_row + per_row - 1
    scale = max(1, round(CELL_SIDE / side))
    width, height = (
        side * scale,
        (models[0].shape[1] * math.ceil(count / per_row) + math.ceil(count / per_row) - 1) * scale,
    )
    step_x, step_y = width + GUTTER, height + CAPTION + GUTTER
    size = (2 * MARGIN + LABEL + len(columns) * step_x - GUTTER, 2 * MARGIN + HEADER + len(rows) * step_y - GUTTER)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(16), ImageFont.load_default(12)
    for column, steps in enumerate(columns):
        centre = MARGIN + LABEL + column * step_x + width / 2
        pen.text((centre, MARGIN + 8), f"{steps} step{'s' if steps > 1 else ''}", INK, title, anchor="mm")
    for row, (model, sampler) in enumerate(rows):
        top = MARGIN + HEADER + row * step_y
        pen.text((MARGIN, top + 4), model.stage_id, INK, title)
        pen.text((MARGIN, top + 28), f"made for {model.own_steps}", FAINT, small)
        if sampler != DDIM or len(samplers) > 1:
            pen.text((MARGIN, top + 46), str(sampler).replace(", ", "\n"), FAINT, small)
        for column, steps in enumerate(columns):
            if steps > model.own_steps:
                continue
            left = MARGIN + LABEL + column * step_x
            labels = model.labels(classes, count)
            drawn = model.draw(noise, steps, sampler=sampler, seed=seed, labels=labels)
            cell = Image.fromarray(tile(drawn.images, per_row, CELL))
            sheet.paste(cell.resize((cell.width * scale, cell.height * scale), Image.Resampling.NEAREST), (left, top))
            if steps == model.own_steps:
                box = (left - 4, top - 4, left + width + 3, top + height + 3)
                pen.rectangle(box, outline=ACCENT, width=2)
            caption = f"{drawn.seconds_per_image * 1e3:.3g} ms per image"
            pen.text((left + width / 2, top + height + CAPTION / 2 + 4), caption, FAINT, small, anchor="mm")
    return sheet
