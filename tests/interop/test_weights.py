"""Weights as safetensors: whole or refused, and nothing in them ever runs."""

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cfd_studio.engine.loading import load_network
from cfd_studio.interop import weights
from cfd_studio.interop.weights import fill, load_weights, save_weights
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def _weights_refused(path: Path) -> str:
    with pytest.raises(CfdError) as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_weights_come_back_bitwise_with_what_is_known_of_them(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    save_weights(tmp_path / "a" / "w.safetensors", network, {"stage": "x"})
    tensors, metadata = load_weights(tmp_path / "a" / "w.safetensors")
    assert metadata["stage"] == "x"
    assert tensors.keys() == network.state_dict().keys()
    assert all(torch.equal(tensors[name], value) for name, value in network.state_dict().items())


def test_missing_truncated_altered_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    assert "no weights yet" in _weights_refused(path)
    save_weights(path, nn.Linear(8, 8), {})
    whole = path.read_bytes()
    for data in (b"", whole[:4], whole[:50], whole[:-1], b"\xff" * 100, b"{}" + whole):
        path.write_bytes(data)
        _weights_refused(path)


def test_a_pickle_bomb_in_place_of_weights_does_not_go_off(tmp_path: Path) -> None:
    path, crater = tmp_path / "w.safetensors", tmp_path / "crater"
    path.write_bytes(pickle.dumps(_Bomb(crater)))
    _weights_refused(path)
    torch.save({"bomb": _Bomb(crater)}, path)
    _weights_refused(path)
    assert not crater.exists()


@pytest.mark.parametrize("other", [nn.Linear(3, 5), nn.Linear(3, 4, bias=False), nn.Sequential(nn.Linear(3, 4))])
def test_weights_of_another_network_are_refused(tmp_path: Path, other: nn.Module) -> None:
    save_weights(tmp_path / "w", other, {})
    with torch.device("meta"):
        network = nn.Linear(3, 4)
    with pytest.raises(CfdError, match="another network"):
        fill(network, load_weights(tmp_path / "w")[0], tmp_path / "w")


def test_loading_a_trained_network_draws_no_random_number_and_freezes_it(trained_run: RunFolder) -> None:
    config = trained_run.config()
    before = torch.get_rng_state()
    for stage in config.stages:
        network = load_network(trained_run, config, stage.id, "cpu")
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())
        assert not any(tensor.is_meta for tensor in network.state_dict().values())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("metadata", [{"image_shape": "big"}, {"image_shape": "1,8"}, {"classes": "ten"}])
def test_weights_with_strange_metadata_are_refused(trained_run: RunFolder, metadata: dict[str, str]) -> None:
    network = load_network(trained_run, trained_run.config(), "judge", "cpu")
    save_weights(trained_run.weights("judge"), network, metadata)
    with pytest.raises(CfdError):
        load_network(trained_run, trained_run.config(), "judge", "cpu")


def test_a_disk_that_fails_is_no_reason_to_delete_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, nn.Linear(2, 2), {})

    def fail(*_args: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(weights, "read_bounded", fail)
    with pytest.raises(OSError, match="Input/output error"):
        load_weights(path)
