"""``cfd-studio sample``."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cfd_studio.cli.machine_options import DrawnPrecision, read_precision
from cfd_studio.cli.sampler_options import (
    EtaOption,
    GuidanceOption,
    LabelsOption,
    SamplerOption,
    read_labels,
    read_sampler,
)
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import DDIM
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import open_bounded
from cfd_studio.runs.outputs import check_output, writing

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_NOISE = 2**31
IMAGES_PER_ROW = 16


def sample(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A .png or .npz file.")],
    stage: Annotated[str | None, typer.Option(help="The model; the run's last one by default.")] = None,
    steps: Annotated[str, typer.Option(help="Step counts, separated by commas.")] = "1",
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Images per step count.")] = 64,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Noise of image i is drawn from (seed, i).")] = 0,
    noise: Annotated[
        Path | None, typer.Option(metavar="FILE.npy", help="Starting noise instead of the seed's, float32 NCHW.")
    ] = None,
    sampler: SamplerOption = DDIM.name,
    eta: EtaOption = DDIM.eta,
    guidance: GuidanceOption = DDIM.guidance,
    reference_sampler: Annotated[
        bool, typer.Option("--reference-sampler", help="Short for --sampler reference.")
    ] = False,
    labels: LabelsOption = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: DrawnPrecision = "auto",
) -> None:
    """Draw images of one model with one or more step counts, all from the same noise.

    A PNG shows one block of rows per step count. An npz holds for each step count N the float32 array x_N, NCHW in
    [-1, 1], and seconds_per_image_N; and the noise.
    """
    step_counts = parse_steps(steps)
    if reference_sampler and sampler not in (DDIM.name, "reference"):
        raise CfdError("is another sampler than --reference-sampler", where="--sampler", advice="Leave one out.")
    how = read_sampler("reference" if reference_sampler else sampler, eta, guidance)
    classes = read_labels(labels)
    asked = read_precision(precision, exactly=noise is not None or how.name == "reference")
    if out.suffix not in (".png", ".npz"):
        raise CfdError("is neither .png nor .npz", where=str(out), advice="Name the file so.")
    check_output(out)

    import numpy as np
    import torch

    from cfd_studio.diffusion.samplers import starting_noise
    from cfd_studio.engine.execution import choose_device, take_modest_threads
    from cfd_studio.engine.gallery import write_strip
    from cfd_studio.engine.mishaps import told
    from cfd_studio.engine.models import open_models

    take_modest_threads()
    chosen = choose_device(device)
    with told(f"drawing images of {run}", chosen, "Ask for fewer images (--count) or fewer step counts at a time."):
        models = open_models(run, [stage] if stage else None, chosen, asked)
        model = models[-1]
        for wanted in step_counts:
            model.check_steps(wanted)
        start = read_noise(noise, model.shape) if noise else starting_noise(seed, 0, count, model.shape)
        arrays: dict[str, Any] = {"noise": start.numpy()}
        blocks = []
        for wanted in step_counts:
            drawn = model.draw(start, wanted, sampler=how, seed=seed, labels=model.labels(classes, len(start)))
            arrays[f"x_{wanted}"] = drawn.images.numpy()
            arrays[f"seconds_per_image_{wanted}"] = np.asarray(drawn.seconds_per_image)
            blocks.append(drawn.images)
            cost = f"{drawn.network_calls} network calls, {drawn.seconds_per_image * 1e3:.3g} ms per image"
            typer.echo(f"{model.stage_id}, {how}, {wanted} steps: {cost}", err=True)
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.suffix == ".npz":
                with atomic.opened(out) as stream:
                    np.savez(stream, **arrays)
            else:
                write_strip(out, torch.cat(blocks), min(IMAGES_PER_ROW, len(start)))


def parse_steps(text: str) -> list[int]:
    """Return the numbers of a comma-separated list.

    Raises
    ------
    CfdError
        Where one is no positive number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and len(part) < 10 and int(part) > 0 for part in parts):
        raise CfdError(f"'{text}' is no list of step counts", where="--steps", advice="Write for example 1,2,4.")
    return [int(part) for part in parts]


def read_noise(path: Path, shape: tuple[int, int, int]) -> "Tensor":
    """Return the starting noise of a file, float32 of shape (N, C, H, W).

    Raises
    ------
    CfdError
        Where the file is missing, too large, not of that shape or not finite.
    """
    import numpy as np
    import torch

    try:
        with open_bounded(path, LARGEST_NOISE, follow=True) as stream:
            version = np.lib.format.read_magic(stream)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            claimed, _, dtype = read_header(stream)
            held = os.fstat(stream.fileno()).st_size - stream.tell()
            if dtype.hasobject or math.prod(claimed) * dtype.itemsize != held:
                raise ValueError
            stream.seek(0)
            array = np.lib.format.read_array(stream, allow_pickle=False)
    except OSError as error:
        raise CfdError(f"cannot be read ({error.strerror})", where=str(path), advice="Give another file.") from None
    except Exception:  # numpy's readers raise nearly anything on content that is not theirs
        raise CfdError("is no readable .npy file", where=str(path), advice="Write it with numpy.save.") from None
    wanted = f"float32 of shape (N, {', '.join(map(str, shape))})"
    if not isinstance(array, np.ndarray) or array.ndim != 4 or array.shape[1:] != shape or not len(array):
        raise CfdError(f"the noise must be {wanted}", where=str(path), advice="Give an array of that shape.")
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise CfdError(f"the noise must be finite {wanted}", where=str(path), advice="Give standard normal numbers.")
    return torch.from_numpy(array.astype(np.float32))
