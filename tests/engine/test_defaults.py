import pytest
import torch

from cfd_studio.engine import defaults
from cfd_studio.engine.defaults import choose_paths, forward_flops
from cfd_studio.protocol import strict_json
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths
from cfd_studio.protocol.plan import resolve
from cfd_studio.workspace.resources import presets


def _config(name: str) -> RunConfig:
    return resolve(strict_json.loads(presets()[name].read_text(encoding="utf-8")))


def test_the_work_of_the_cifar_network_is_the_published_one():
    config = _config("cifar10-paper")
    (teacher,) = [stage for stage in config.diffusion_stages() if stage.parent is None]
    assert forward_flops(config, teacher, (3, 32, 32), 10) / 2 == pytest.approx(6.22e9, rel=1e-3)


def test_a_cpu_computes_large_networks_in_bfloat16_where_it_has_instructions_for_it(monkeypatch):
    chosen = {}
    for has in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        for name, shape in (("digits", (1, 8, 8)), ("cifar10-paper", (3, 32, 32))):
            choice = choose_paths(ExecutionRequest(), _config(name), shape, 10, "cpu")
            chosen[name, has] = (*choice[:2], choice.fast.channels_last, choice.threads)
    assert chosen == {
        ("digits", False): ("float32", "float32", "none", 1),
        ("digits", True): ("float32", "float32", "none", 1),
        ("cifar10-paper", False): ("float32", "float32", "frozen", 0),
        ("cifar10-paper", True): ("bfloat16", "float32", "frozen", 0),
    }


def test_a_gpu_compiles_what_takes_long_only(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (8, 0))
    paths = {
        name: choose_paths(ExecutionRequest(), _config(name), shape, 10, "cuda:0")
        for name, shape in (("digits", (1, 8, 8)), ("cifar10-paper", (3, 32, 32)))
    }
    assert {name: (*choice[:2], choice.fast.compilation) for name, choice in paths.items()} == {
        "digits": ("tf32", "tf32", "off"),
        "cifar10-paper": ("bfloat16", "tf32", "default"),
    }
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (7, 5))
    assert choose_paths(ExecutionRequest(), _config("cifar10-paper"), (3, 32, 32), 10, "cuda:0").precision == "tf32"


def test_what_is_asked_for_goes_before_the_defaults():
    request = ExecutionRequest(precision="bfloat16", fast="off, channels_last=all")
    choice = choose_paths(request, _config("digits"), (1, 8, 8), 10, "cpu")
    assert (choice.precision, choice.distillation_precision) == ("bfloat16", "bfloat16")
    assert choice.fast == FastPaths.none().model_copy(update={"channels_last": "all"})
    assert set(defaults._DEFAULTS) == {"cpu", "cuda", "mps"}
