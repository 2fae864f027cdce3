"""A model with its whole sampler loop as one ONNX graph: noise in, images out."""

import contextlib
import itertools
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.samplers import ddim_step
from cfd_studio.protocol.errors import CfdError

NOISE, LABELS, IMAGES = "noise", "labels", "images"
_BATCH = "batch"


class _Loop(nn.Module):
    """DDIM over fixed levels, unrolled when it is traced."""

    def __init__(self, denoiser: Denoiser, levels: list[int], clip: bool, clip_last: bool) -> None:
        super().__init__()
        self.network = denoiser.network
        self._denoiser = denoiser
        self._levels = levels
        self._clip = clip
        self._clip_last = clip_last

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        z = noise
        for level, next_level in itertools.pairwise(self._levels):
            t = torch.full((z.shape[0],), level, dtype=torch.int64)
            x_hat = self._denoiser(z, t, labels)
            if self._clip:
                x_hat = x_hat.clamp(-1, 1)
            z = ddim_step(self._denoiser.schedule, z, x_hat, t, torch.full_like(t, next_level))
        return z.clamp(-1, 1) if self._clip_last else z


def require_onnx() -> None:
    """Make sure that ONNX files can be written and run.

    Raises
    ------
    CfdError
        Where a package is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise CfdError(
            f"ONNX files need packages that are not installed ({error.name})",
            advice="pip install 'cfd-studio[export]'",
        ) from None


def to_onnx(
    denoiser: Denoiser,
    noise: Tensor,
    labels: Tensor | None,
    levels: list[int],
    *,
    clip: bool,
    clip_last: bool = False,
) -> bytes:
    """Return the model file of DDIM over these levels, in the newest opset that this torch writes by itself.

    Parameters
    ----------
    denoiser : Denoiser
        On the CPU.
    noise : Tensor, shape (B, C, H, W), with B of 2 or more
        An example; the size of the batch stays open.
    labels : Tensor of int64, shape (B,), or None
        For a class-conditional model.
    levels : list of int
        From `sampling_levels`.
    clip : bool
        Clip x_hat to [-1, 1] at every step.
    clip_last : bool, optional
        Clip the result as well, as the reference's sampler does.
    """
    assert len(noise) > 1, "a batch of one would stay one"
    batch = torch.export.Dim(_BATCH)
    examples: tuple[Tensor, ...] = (noise,) if labels is None else (noise, labels)
    loop = _Loop(denoiser, levels, clip, clip_last).eval()
    with _quiet(), torch.no_grad():
        program: Any = torch.onnx.export(
            loop,
            examples,
            dynamo=True,
            verbose=False,
            dynamic_shapes=tuple({0: batch} for _ in examples),
            input_names=[NOISE, LABELS][: len(examples)],
            output_names=[IMAGES],
            custom_translation_table={torch.ops.aten.scaled_dot_product_attention.default: _attention},
        )
    return program.model_proto.SerializeToString()


def run_onnx(model: bytes, noise: Tensor, labels: Tensor | None) -> Tensor:
    """Return the images that onnxruntime makes of a model file, shape (B, C, H, W)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {NOISE: noise.numpy()} | ({} if labels is None else {LABELS: labels.numpy()})
    (images,) = session.run([IMAGES], feed)
    return torch.from_numpy(images)


def _attention(query: Any, key: Any, value: Any, *_rest: Any, **_options: Any) -> Any:
    """Write softmax(Q K^T / sqrt(channels)) V: torch's exporter knows it with several heads only."""
    from onnxscript import opset18 as op

    scale = op.Constant(value_float=float(query.shape[-1]) ** -0.5)
    alike = op.MatMul(query, op.Transpose(key, perm=[0, 2, 1]))
    return op.MatMul(op.Softmax(op.Mul(alike, scale), axis=-1), value)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about itself from the terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
