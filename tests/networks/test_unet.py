"""The U-Net: its size, its shapes, and that it listens."""

import pytest
import torch

from cfd_studio.networks.blocks import Attention, LevelEmbedding
from cfd_studio.networks.unet import UNet


def _small(**changes: object) -> UNet:
    settings: dict = {
        "channels": 8,
        "multipliers": (1, 2),
        "attention_levels": (1,),
        "residual_blocks": 1,
        "norm_groups": 4,
    }
    return UNet(1, **(settings | changes))


def _perturbed(network: UNet) -> UNet:
    """Return the network with noise on every weight: a fresh one is silent by design."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network.eval()


def test_the_cifar10_setting_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = UNet(
            3, channels=128, multipliers=(1, 2, 2, 2), attention_levels=(1,), residual_blocks=2, norm_groups=32
        )
    assert sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad) == 35_746_307


@pytest.mark.parametrize("side", [8, 16, 32])
@pytest.mark.parametrize("multipliers", [(1,), (1, 2), (1, 2, 2), (2, 1, 3, 1)])
def test_the_output_has_the_shape_of_the_image(side: int, multipliers: tuple[int, ...]) -> None:
    network = _small(multipliers=multipliers, attention_levels=(0,))
    z = torch.randn(2, 1, side, side)
    assert network(z, torch.tensor([1, 5])).shape == z.shape


def test_a_fresh_network_says_nothing_and_can_still_learn() -> None:
    network = _small()
    z = torch.randn(3, 1, 8, 8)
    output = network(z, torch.tensor([1, 4, 8]))
    assert torch.equal(output, torch.zeros_like(z))
    (output - z).square().mean().backward()
    assert network.head.weight.grad is not None
    assert network.head.weight.grad.abs().max() > 0


def test_every_weight_takes_part() -> None:
    network = _perturbed(_small(attention_levels=(0, 1)))
    (network(torch.randn(3, 1, 8, 8), torch.tensor([1, 4, 8])) ** 2).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_level_matters() -> None:
    network = _perturbed(_small())
    z = torch.randn(1, 1, 8, 8)
    at_1, at_2, at_64 = network(z.expand(3, -1, -1, -1), torch.tensor([1, 2, 64]))
    assert (at_1 - at_2).abs().max() > 1e-4
    assert (at_1 - at_64).abs().max() > 1e-3


def test_images_of_a_batch_do_not_see_one_another() -> None:
    network = _perturbed(_small())
    z, level = torch.randn(4, 1, 8, 8), torch.tensor([1, 3, 5, 7])
    together = network(z, level)
    alone = torch.cat([network(z[i : i + 1], level[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_dropout_is_for_training_only() -> None:
    network = _perturbed(_small(dropout=0.5))
    z, level = torch.randn(2, 1, 8, 8), torch.tensor([1, 2])
    assert torch.equal(network(z, level), network(z, level))
    network.train()
    assert not torch.equal(network(z, level), network(z, level))


def test_the_level_embedding_starts_from_interleaved_sinusoids() -> None:
    embedding = LevelEmbedding(6, 12)
    seen: list[torch.Tensor] = []
    embedding.hidden.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    assert embedding(torch.tensor([0, 3])).shape == (2, 12)
    rates = [10_000.0 ** (-i / 6) for i in (0, 2, 4)]
    expected = [[f(t * rate) for rate in rates for f in (torch.sin, torch.cos)] for t in torch.tensor([0.0, 3.0])]
    torch.testing.assert_close(seen[0], torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_attention_is_one_head_over_all_pixels() -> None:
    attention = Attention(8, 4)
    h = torch.randn(2, 8, 4, 4)
    assert torch.equal(attention(h), h)  # silent at first
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_()
    q, k, v = attention.query_key_value(attention.norm(h)).flatten(2).chunk(3, dim=1)
    share = torch.einsum("bcq,bck->bqk", q, k).div(8**0.5).softmax(2)
    mixed = torch.einsum("bqk,bck->bcq", share, v).reshape(h.shape)
    torch.testing.assert_close(attention(h), h + attention.out(mixed), rtol=1e-4, atol=1e-4)


def test_building_on_the_meta_device_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    with torch.device("meta"):
        _small(dropout=0.1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_conditional_network_listens_to_the_class_and_the_null_label_is_no_class() -> None:
    network = _perturbed(_small(classes=3))
    z, level = torch.randn(4, 1, 8, 8), torch.full((4,), 5)
    outputs = [network(z, level, torch.full((4,), label)) for label in (-1, 0, 1, 2)]
    for first in range(4):
        for second in range(first):
            assert (outputs[first] - outputs[second]).abs().max() > 1e-4
    assert torch.equal(network(z, level), outputs[0])
    embedding = network.label_embedding
    assert embedding is not None
    assert torch.equal(embedding(torch.tensor([-1]))[0], embedding.bias)
    torch.testing.assert_close(embedding(torch.tensor([2]))[0], embedding.weight[:, 2] + embedding.bias)
    assert _small().label_embedding is None
