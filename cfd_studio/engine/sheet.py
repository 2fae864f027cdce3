"""The comparison picture: models by step counts, one noise."""

import math

from PIL import Image, ImageDraw, ImageFont

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.evaluation import halvings
from cfd_studio.engine.gallery import tile
from cfd_studio.engine.models import Model

PAPER, INK, FAINT, ACCENT, CELL = "#ffffff", "#1f2430", "#8a909c", "#3b6fe0", 214
MARGIN, GUTTER, LABEL, HEADER, CAPTION = 24, 14, 132, 34, 20
CELL_SIDE = 150


def draw_sheet(models: list[Model], step_counts: list[int] | None, count: int, seed: int) -> Image.Image:
    """Return the picture. Cells above a model's own step count are empty, its own is outlined.

    Parameters
    ----------
    models : list of Model
        A row each, at least one.
    step_counts : list of int or None
        A column each, most first; all halvings of the longest model by default.
    count, seed : int
        Images per cell and the seed of their noise.
    """
    columns = sorted(step_counts or halvings(max(model.own_steps for model in models)), reverse=True)
    per_row = math.ceil(math.sqrt(count))
    noise = starting_noise(seed, 0, count, models[0].shape)
    side = models[0].shape[2] * per_row + per_row - 1
    scale = max(1, round(CELL_SIDE / side))
    width, height = (
        side * scale,
        (models[0].shape[1] * math.ceil(count / per_row) + math.ceil(count / per_row) - 1) * scale,
    )
    step_x, step_y = width + GUTTER, height + CAPTION + GUTTER
    size = (2 * MARGIN + LABEL + len(columns) * step_x - GUTTER, 2 * MARGIN + HEADER + len(models) * step_y - GUTTER)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(16), ImageFont.load_default(12)
    for column, steps in enumerate(columns):
        centre = MARGIN + LABEL + column * step_x + width / 2
        pen.text((centre, MARGIN + 8), f"{steps} step{'s' if steps > 1 else ''}", INK, title, anchor="mm")
    for row, model in enumerate(models):
        top = MARGIN + HEADER + row * step_y
        pen.text((MARGIN, top + 4), model.stage_id, INK, title)
        pen.text((MARGIN, top + 28), f"made for {model.own_steps}", FAINT, small)
        for column, steps in enumerate(columns):
            if steps > model.own_steps:
                continue
            left = MARGIN + LABEL + column * step_x
            drawn = model.draw(noise, steps)
            cell = Image.fromarray(tile(drawn.images, per_row, CELL))
            sheet.paste(cell.resize((cell.width * scale, cell.height * scale), Image.Resampling.NEAREST), (left, top))
            if steps == model.own_steps:
                box = (left - 4, top - 4, left + width + 3, top + height + 3)
                pen.rectangle(box, outline=ACCENT, width=2)
            caption = f"{drawn.seconds_per_image * 1e3:.3g} ms per image"
            pen.text((left + width / 2, top + height + CAPTION / 2 + 4), caption, FAINT, small, anchor="mm")
    return sheet
