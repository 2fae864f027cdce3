"""Which models can be compared, at which step counts, and what a drawn cell looks like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import describe, figure_lines, milliseconds, short
from cfd_studio.protocol.sampling import DDIM, SampleAnswer

FEW_STEPS = (8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A diffusion model of the run; ``ready`` once its weights are on the disk."""

    id: str
    words: str
    own_steps: int
    ready: bool


def model_rows(snapshot: RunSnapshot) -> list[ModelRow]:
    """Return all models, those with more steps first, rivals of the same step count next to each other."""
    rows = [
        ModelRow(
            stage.id,
            describe(snapshot.config, stage),
            snapshot.config.own_steps(stage),
            snapshot.stages[stage.id].trained,
        )
        for stage in snapshot.config.diffusion_stages()
    ]
    return sorted(rows, key=lambda row: -row.own_steps)


def step_choices(snapshot: RunSnapshot) -> list[int]:
    """Return every model's own steps and the powers of two below them, most first."""
    own = {snapshot.config.own_steps(stage) for stage in snapshot.config.diffusion_stages()}
    most = max(own, default=0)
    powers = {2**exponent for exponent in range(most.bit_length()) if 2**exponent <= most}
    return sorted(powers | own, reverse=True)


def drawing_lines(answer: SampleAnswer) -> tuple[str, str]:
    """Return how the images of an answer were drawn, and what that took, for the tooltip of their cell."""
    request = answer.request
    parts = [f"{request.stage} with {request.sampling_steps} sampling steps", f"seed {request.keys[0].seed}"]
    parts.append(str(request.sampler))
    if request.label is not None:
        parts.append("no class" if request.label < 0 else f"class {request.label}")
    calls = f"{answer.network_calls} network call{'s' if answer.network_calls != 1 else ''}"
    return ", ".join(parts), f"{calls}, {milliseconds(answer.seconds_per_image)} / image"


def quality_note(snapshot: RunSnapshot, stage: str, steps: int, sampler: str = str(DDIM)) -> tuple[str, str]:
    """Return the short line below a cell and the long one for its tooltip; figures are of one sampler only."""
    judgement = snapshot.stages[stage].judgement(steps, sampler)
    value = judgement.value(snapshot.config.evaluation.main_space) if judgement else None
    if judgement is None or value is None:
        return "Fréchet –", "The quality with this step count was not measured."
    if judgement.sampler != sampler:
        return "Fréchet –", f"The quality was measured with {judgement.sampler}."
    lines = figure_lines(judgement)
    lines.append(f"{milliseconds(judgement.seconds_per_image)} per image in batches, as judged")
    return f"Fréchet {short(value)}", "\n".join(lines)


def arrangement(count: int) -> tuple[int, int]:
    """Return columns and rows of the block in which images are kept; the grid shows them in its own way."""
    columns = 1
    while columns * columns < count:
        columns *= 2
    return min(columns, count), -(-count // columns)


def block_image(images: NDArray[np.float32]) -> QImage:
    """Return images in [-1, 1], shape (count, channels, height, width), laid out as in `arrangement`."""
    count, channels, height, width = images.shape
    pixels = np.clip(np.round((images + 1) * 127.5), 0, 255).astype(np.uint8)
    pixels = np.repeat(pixels, 3, axis=1) if channels == 1 else pixels[:, :3]
    columns, rows = arrangement(count)
    sheet = np.zeros((rows * height, columns * width, 4), dtype=np.uint8)
    for index in range(count):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width, :3] = pixels[index].transpose(1, 2, 0)
        sheet[top : top + height, left : left + width, 3] = 255
    data = np.ascontiguousarray(sheet)
    return QImage(data.data, columns * width, rows * height, 4 * columns * width, QImage.Format.Format_RGBA8888).copy()
