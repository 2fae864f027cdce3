"""Who measures models: every one from the same noise, against the same real images, in the same feature spaces."""

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from cfd_studio.data.images import DataSet
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.engine.audience import ALONE, Audience
from cfd_studio.engine.build import derive_seed
from cfd_studio.engine.loading import read_shape
from cfd_studio.engine.samples import Drawing, Samples
from cfd_studio.engine.sight import SMALLEST, Seen, compare, scores, see, see_real
from cfd_studio.engine.spaces import spaces_of
from cfd_studio.interop.weights import read_metadata
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.fast_paths import Precision
from cfd_studio.protocol.figures import Figure, Judgement
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.protocol.stages import DiffusionStage
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import open_bounded

PREVIEW = 8  # images of every judgement that are handed on
_CHUNK = 2**20


def can_judge(data: DataSet) -> bool:
    """Return whether there are real images enough to compare with."""
    return max(len(data.train), len(data.held_out)) >= SMALLEST


def judged_labels(config: RunConfig, data: DataSet) -> Tensor | None:
    """Return the classes to draw, as often as they are among the training images; None where no model knows of any."""
    if not config.network.conditional:
        return None
    generator = torch.Generator().manual_seed(derive_seed(config.seed, "evaluation", "labels"))
    chosen = torch.randint(len(data.train), (config.evaluation.samples,), generator=generator)
    return data.train.labels.cpu()[chosen]


class Jury:
    """Measures models of one run against its real images.

    All models draw from the same noise, and every sample is rounded to 8 bits first, as the real images are.

    Parameters
    ----------
    run : RunFolder
        Its judge must be trained.
    config : RunConfig
        Of the run; its ``evaluation`` may be another.
    data : DataSet
    device : str
    inception_file : str, optional
        Where Inception's weights lie; empty for where torch-fidelity keeps them.
    rounding_on_device : bool, optional
        Where samples are rounded.
    audience : Audience, optional
        Told how many real images are seen.

    Attributes
    ----------
    drawn : list of Samples
        Of which the figures are there: to be forgotten once those are kept.

    Raises
    ------
    CfdError
        Where weights are missing, damaged, or cannot be downloaded.
    """

    def __init__(
        self,
        run: RunFolder,
        config: RunConfig,
        data: DataSet,
        device: str,
        *,
        inception_file: str = "",
        rounding_on_device: bool = True,
        audience: Audience = ALONE,
    ) -> None:
        self._run = run
        self._config = config
        self._device = device
        self._rounding_on_device = rounding_on_device
        self._shape = data.train.shape
        self._classes = data.classes
        self._spaces = spaces_of(run, config, device, inception_file, audience)
        splits = {"held-out": data.held_out.images, "train": data.train.images}
        self._real = {
            name: see_real(self._spaces, images, f"{name} {data.key}", self._device, audience)
            for name, images in splits.items()
            if len(images) >= SMALLEST
        }
        self._labels = judged_labels(config, data)
        self._chosen = f"as in {_digest(data.train.labels)}" if config.network.conditional else ""
        self._floor: tuple[Figure, ...] | None = None
        self.drawn: list[Samples] = []

    def floor(self, audience: Audience = ALONE) -> tuple[Figure, ...]:
        """Return real against real: the training images measured as if they had been drawn.

        In Inception's features, one half of them against the other as well.
        """
        if self._floor is None:
            figures: list[Figure] = []
            train = self._real.get("train", {})
            if "held-out" in self._real:
                figures += self._compare(train, "held-out", self._real["held-out"], audience)
            figures += scores(train)
            first, second = self._halves(train, audience)
            figures += self._compare(first, "train", second, audience)
            self._floor = tuple(figures)
        return self._floor

    def judge(
        self,
        stage: DiffusionStage,
        denoiser: Denoiser,
        sampling_steps: int,
        sampler: Sampler | None = None,
        audience: Audience = ALONE,
        *,
        precision: Precision = "float32",
    ) -> tuple[Judgement, Tensor]:
        """Draw the samples of one model in one way and measure them; whoever ends it early may go on another time.

        Parameters
        ----------
        stage : DiffusionStage
        denoiser : Denoiser
            Its trained network.
        sampling_steps : int
        sampler : Sampler, optional
            By default the config's.
        audience : Audience, optional
        precision : {"float32", "tf32", "bfloat16"}, optional
            Of the denoiser's passes.

        Returns
        -------
        judgement : Judgement
        images : Tensor of uint8, shape (N, C, H, W)
            The first few of the samples.
        """
        evaluation = self._config.evaluation
        sampler = self._config.sampler_for(stage, sampler)
        if self._labels is not None:
            self._check_classes(stage)
        drawing = Drawing(
            weights=self._weights_digest(stage),
            own_steps=self._config.own_steps(stage),
            sampling_steps=sampling_steps,
            sampler=sampler,
            clip=self._config.clip_samples,
            seed=derive_seed(self._config.seed, "evaluation"),
            shape=self._shape,
            batch_size=evaluation.batch_size,
            labels=self._chosen,
            precision=precision,
        )
        samples = Samples(drawing, rounding_on_device=self._rounding_on_device)
        first: list[Tensor] = []

        def stream() -> Iterable[Tensor]:
            for batch in samples.batches(denoiser, evaluation.samples, self._labels, audience):
                if sum(map(len, first)) < PREVIEW:
                    first.append(batch[:PREVIEW])
                yield batch

        try:
            seen = see(self._spaces, stream(), self._device, audience)
            figures = [
                figure
                for reference, real in self._real.items()
                for figure in self._compare(seen, reference, real, audience)
            ]
        finally:
            samples.close()
        self.drawn.append(samples)
        judgement = Judgement(
            stage=stage.id,
            sampling_steps=sampling_steps,
            network_calls=samples.network_calls,
            sampler=str(sampler),
            seconds_per_image=samples.seconds / evaluation.samples,
            figures=(*figures, *scores(seen)),
        )
        return judgement, torch.cat(first)[:PREVIEW]

    def forget(self) -> None:
        """Delete the images that were drawn: their figures are kept."""
        while self.drawn:
            self.drawn.pop().forget()

    def _check_classes(self, stage: DiffusionStage) -> None:
        path = self._run.weights(stage.id)
        _, classes = read_shape(read_metadata(path), path)
        if classes != self._classes:
            raise CfdError(
                f"model '{stage.id}' knows {classes} classes, and the images have {self._classes}",
                where=str(self._run.path),
                advice="Judge it on the images that it was made for.",
            )

    def _weights_digest(self, stage: DiffusionStage) -> str:
        config = self._config
        parts = [config.prediction, config.network.model_dump_json(), config.schedule.model_dump_json()]
        digest = hashlib.sha256("\0".join(parts).encode())
        with open_bounded(self._run.weights(stage.id)) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def _compare(
        self, samples: dict[str, Seen], reference: str, real: dict[str, Seen], audience: Audience
    ) -> Iterable[Figure]:
        for space, seen in samples.items():
            yield from compare(space, seen, real[space], reference, self._device, audience.poll)

    def _halves(self, train: dict[str, Seen], audience: Audience) -> tuple[dict[str, Seen], dict[str, Seen]]:
        """Return both halves of the training images, drawn once and for all, as Inception sees them."""
        halves: tuple[dict[str, Seen], dict[str, Seen]] = ({}, {})
        for space, seen in train.items():
            size = seen.statistics.count // 2
            if seen.score is None or size < SMALLEST:
                continue
            order = np.random.Generator(np.random.Philox(key=[0, 0])).permutation(seen.statistics.count)
            for half, chosen in zip(halves, (order[:size], order[size : 2 * size]), strict=True):
                features = seen.manifold.points[torch.from_numpy(chosen)]
                half[space] = Seen.of(features, seen.score, self._device, audience.poll)
        return halves


def _digest(labels: Tensor) -> str:
    return hashlib.sha256(labels.cpu().contiguous().numpy().data).hexdigest()
