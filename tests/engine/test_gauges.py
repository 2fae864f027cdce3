"""Losses by noise level and the vitals of the images, against plain loops in float64."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_v
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar, reference_alpha_bar
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.distillation import FeatureObjective, ProgressiveObjective
from cfd_studio.engine.gauges import quarter_table
from cfd_studio.engine.gradient import batch_gradient
from cfd_studio.engine.objectives import DiffusionObjective, TeacherObjective
from cfd_studio.engine.ranks import Ranks
from cfd_studio.engine.tally import Point, Tally
from cfd_studio.networks.classifiers import PerceptronClassifier
from cfd_studio.protocol.events import QUARTERS
from cfd_studio.protocol.stages import FeatureMatching

STEPS, BATCH = 3, 24


class _Network(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Linear(16, 16)

    def forward(self, z: Tensor, level: Tensor) -> Tensor:
        return (self.body(z.flatten(1)) + level[:, None].to(z.dtype).sin()).view_as(z)


def _schedule(*, clean: bool = True) -> NoiseSchedule:
    table = cosine_alpha_bar(16) if clean else reference_alpha_bar(16)
    return NoiseSchedule(table, dtype=torch.float64)


def _teacher() -> Denoiser:
    return Denoiser(_Network(1).double().eval().requires_grad_(False), x_from_v, _schedule())


def _denoising() -> DiffusionObjective:
    return TeacherObjective(_schedule(clean=False), x_from_v)


def _progressive() -> DiffusionObjective:
    return ProgressiveObjective(_schedule(), x_from_v, _teacher(), 8)


def _feature() -> DiffusionObjective:
    torch.manual_seed(5)
    classifier = PerceptronClassifier(16, 10, 8, 0.5).double().eval().requires_grad_(False)
    matching = FeatureMatching(temperature=0.9, anchor_weight=2.0)
    return FeatureObjective(_schedule(), x_from_v, _teacher(), 2, classifier=classifier, matching=matching)


def _alone(objective: DiffusionObjective, network: nn.Module, batch: Batch, at: int) -> tuple[float, Tensor]:
    """Return the loss and the estimate of one image: a batch of one."""
    assert batch.levels is not None
    assert batch.noise is not None
    here = slice(at, at + 1)
    one = Batch(batch.images[here], None, batch.levels[here], batch.noise[here])
    z = objective.schedule.add_noise(one.images, batch.noise[here], batch.levels[here])
    x_hat = Denoiser(network, x_from_v, objective.schedule)(z, batch.levels[here])
    terms = objective.terms(network, one, lambda mean: mean)
    return next(iter(terms.values())).item(), x_hat.detach()


@pytest.mark.parametrize("make", [_denoising, _progressive, _feature])
@pytest.mark.parametrize("parts", [1, 3])
def test_quarters_and_vitals_are_means_over_the_images_that_they_name(
    make: Callable[[], DiffusionObjective], parts: int
) -> None:
    objective, network, tally = make(), _Network(7).double(), Tally(torch.device("cpu"))
    drawn = list(range(objective.lowest, objective.own_steps + 1))
    by_noise = sorted(drawn, key=lambda k: -objective.schedule.log_snr[k * objective.stride])
    losses: dict[str, list[float]] = defaultdict(list)
    saturated, brightness = [], []
    generator = torch.Generator().manual_seed(2)
    for step in range(1, STEPS + 1):
        images = torch.rand(BATCH, 1, 4, 4, dtype=torch.float64) * 2 - 1
        batch = objective.draw(images, torch.zeros(BATCH, dtype=torch.int64), generator)
        network.zero_grad(set_to_none=True)
        terms, _, gauges = batch_gradient(network, objective, batch, Ranks(), parts)
        tally.add(terms, torch.ones((), dtype=torch.float64), step, BATCH, gauges)
        assert batch.levels is not None
        for at, level in enumerate(batch.levels.tolist()):
            place = by_noise.index(level // objective.stride)
            quarter = 3 - 4 * (len(by_noise) - 1 - place) // len(by_noise)  # counted from the noisy end
            loss, x_hat = _alone(objective, network, batch, at)
            losses[QUARTERS[quarter]].append(loss)
            saturated.append(float((x_hat.abs() >= 1).double().mean()))
            brightness.append(float(x_hat.mean()))
    point = tally.read()
    assert isinstance(point, Point)
    assert point.quarters == pytest.approx({name: np.mean(values) for name, values in losses.items()}, rel=1e-9)
    assert point.vitals == pytest.approx({"saturation": np.mean(saturated), "brightness": np.mean(brightness)})
    assert 0 < point.vitals["saturation"] < 1
    assert tally.read() is None


@pytest.mark.parametrize(
    ("lowest", "own_steps", "quarters"),
    [(1, 1, [3]), (1, 2, [1, 3]), (1, 4, [0, 1, 2, 3]), (0, 4, [0, 1, 2, 3, 3]), (1, 8, [0, 0, 1, 1, 2, 2, 3, 3])],
)
def test_the_noisiest_level_is_always_in_the_last_quarter(lowest: int, own_steps: int, quarters: list[int]) -> None:
    stride = 16 // own_steps
    table = quarter_table(lowest, own_steps, stride)
    assert [int(table[k * stride]) for k in range(lowest, own_steps + 1)] == quarters
