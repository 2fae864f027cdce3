import threading

import pytest
import torch
from torch import Tensor, nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_x
from cfd_studio.diffusion.samplers import sample
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.engine import shared as module
from cfd_studio.engine.samplers import SAMPLERS
from cfd_studio.engine.shared import shared
from cfd_studio.networks.unet import UNet
from cfd_studio.protocol.sampling import DDIM


@pytest.fixture(autouse=True)
def _one_thread_of_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_idle_core", lambda: True)


def _denoiser(network: nn.Module) -> Denoiser:
    return Denoiser(network, x_from_x, NoiseSchedule.cosine(8))


def _network() -> nn.Module:
    torch.manual_seed(0)
    network = UNet(
        1, channels=8, multipliers=(1, 2), attention_levels=(1,), residual_blocks=1, norm_groups=4, classes=3
    )
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(False)


def test_images_drawn_by_two_threads_are_those_of_one_to_the_last_bit() -> None:
    denoiser, noise = _denoiser(_network()), torch.randn(150, 1, 8, 8)
    labels, move = torch.arange(150) % 3, SAMPLERS[DDIM.name](DDIM)
    alone = sample(denoiser, noise, [8, 4, 0], move, labels=labels)
    with shared(denoiser):
        assert torch.equal(sample(denoiser, noise, [8, 4, 0], move, labels=labels), alone)
    assert denoiser.network_calls == 4
    assert isinstance(denoiser.network, UNet)


class _Failing(nn.Module):
    """Fails on the helper's thread, or on the caller's."""

    def __init__(self, *, helper: bool) -> None:
        super().__init__()
        self.helper = helper
        self.met = threading.Barrier(2, timeout=10)

    def forward(self, z: Tensor, _t: Tensor) -> Tensor:
        self.met.wait()
        if (threading.current_thread() is not threading.main_thread()) == self.helper:
            raise MemoryError
        return z


@pytest.mark.parametrize("helper", [True, False])
def test_what_goes_wrong_on_either_thread_is_told_and_no_thread_stays(helper: bool) -> None:
    before = threading.active_count()
    denoiser = _denoiser(_Failing(helper=helper))
    with pytest.raises(MemoryError), shared(denoiser):
        denoiser(torch.zeros(128, 1, 2, 2), torch.full((128,), 8))
    assert threading.active_count() == before
