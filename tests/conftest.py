"""What all tests share: no display, no user folders of ours, one thread, and a run that trains in a few seconds."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import copy
import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.folder import RunFolder

# Two busy cores make a fair example slow now and then; the same examples every time make a failure ours.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")

_SHORT = {"steps": 12, "batch_size": 16, "learning_rate": 0.002}
# All four objectives, both kinds of classifier, EMA, warm-up, dropout; a PD chain, then a PD and a CFD branch of it.
_MINI: dict[str, Any] = {
    "name": "Miniature",
    "summary": "A few steps of everything.",
    "seed": 3,
    "data": {"name": "digits"},
    "schedule": {"num_timesteps": 8},
    "prediction": "v",
    "network": {
        "channels": 8,
        "multipliers": [1, 2],
        "attention_levels": [1],
        "residual_blocks": 1,
        "norm_groups": 4,
    },
    "stages": [
        {
            "kind": "classifier",
            "id": "judge",
            "architecture": "mlp",
            "width": 8,
            "dropout": 0.3,
            "optimization": {**_SHORT, "weight_decay": 0.01},
        },
        {"kind": "classifier", "id": "classifier", "architecture": "cnn", "width": 8, "optimization": {**_SHORT}},
        {
            "kind": "teacher",
            "id": "teacher",
            "dropout": 0.1,
            "optimization": {**_SHORT, "steps": 16, "warmup_steps": 3, "ema_decay": 0.99},
        },
        {
            "kind": "halving",
            "id": "pd",
            "parent": "teacher",
            "objective": "progressive",
            "sampling_steps": [4, 2],
            "optimization": {**_SHORT},
        },
        {
            "kind": "halving",
            "id": "cfd",
            "parent": "pd-4",
            "objective": "feature",
            "sampling_steps": [2],
            "classifier": "classifier",
            "temperature": 0.9,
            "anchor_weight": 1.0,
            "optimization": {**_SHORT},
        },
    ],
    "evaluation": {"judge": "judge", "samples": 32, "sampling_steps": [1, 2], "batch_size": 16},
    "journal": {"log_every": 4, "held_out_every": 8, "checkpoint_every": 5, "keep_checkpoints": 2},
}


def _live_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    for name in ("DATA", "CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))


@pytest.fixture(autouse=True, scope="session")
def _no_users_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is made once for all tests away from the folders of whoever runs them."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _live_in(tmp_path_factory.mktemp("home"), monkeypatch)
        yield


@pytest.fixture(autouse=True)
def _own_user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test user folders of its own."""
    _live_in(tmp_path_factory.mktemp("home"), monkeypatch)


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Give every test that draws with torch the same numbers, whatever ran before it, on one thread."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
        torch.set_num_threads(1)


@pytest.fixture
def mini_recipe() -> dict[str, Any]:
    """Return a raw recipe of all four objectives that trains in a few seconds on one thread; yours to change."""
    return copy.deepcopy(_MINI)


@pytest.fixture
def mini_config(mini_recipe: dict[str, Any]) -> Callable[..., RunConfig]:
    """Return a factory of resolved miniature configs; keywords replace top-level values of the recipe."""

    def make(**changes: Any) -> RunConfig:
        return resolve(copy.deepcopy(mini_recipe) | changes)

    return make


@pytest.fixture
def mini_run(tmp_path: Path, mini_config: Callable[..., RunConfig]) -> Callable[..., RunFolder]:
    """Return a factory of new, untrained miniature runs."""

    def make(name: str = "run", **changes: Any) -> RunFolder:
        return RunFolder.create(tmp_path / name, mini_config(**changes))

    return make


@pytest.fixture
def random_weights() -> Callable[..., RunFolder]:
    """Return a function that gives stages of a miniature run random weights, and returns the run."""
    import torch

    from cfd_studio.engine.build import build_network
    from cfd_studio.engine.loading import weights_metadata
    from cfd_studio.interop.weights import save_weights

    def fill(run: RunFolder, *stage_ids: str) -> RunFolder:
        config = run.config()
        for stage_id in stage_ids:
            stage = config.stage(stage_id)
            network = build_network(config, stage, (1, 8, 8), 10)
            with torch.no_grad():
                for parameter in network.parameters():  # the last layers begin at 0
                    parameter.add_(0.2 * torch.randn_like(parameter))
            save_weights(run.weights(stage_id), network, weights_metadata(stage, (1, 8, 8), 10))
        return run

    return fill


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    import torch

    from cfd_studio.engine.job import run_job
    from cfd_studio.protocol.events import JobState
    from cfd_studio.protocol.execution import ExecutionRequest

    torch.set_num_threads(1)
    run = RunFolder.create(tmp_path_factory.mktemp("trained") / "run", resolve(copy.deepcopy(_MINI)))
    ended = run_job(run, ExecutionRequest(device="cpu", threads=1))
    assert ended.state is JobState.FINISHED, ended.details or ended.sentence
    return run


@pytest.fixture
def trained_run(_trained: RunFolder, tmp_path: Path) -> RunFolder:
    """Return a copy of the miniature run, trained in one go without any interruption."""
    shutil.copytree(_trained.path, tmp_path / "trained")
    return RunFolder(tmp_path / "trained")


@pytest.fixture(scope="session")
def fingerprints() -> Callable[[RunFolder], dict[str, str]]:
    """Return a function that gives the SHA-256 of every stage's weights file."""

    def of(run: RunFolder) -> dict[str, str]:
        return {
            stage.id: hashlib.sha256(run.weights(stage.id).read_bytes()).hexdigest()
            for stage in run.config().stages
            if run.weights(stage.id).exists()
        }

    return of


@pytest.fixture(scope="session")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of Inception-v3 weights that nobody trained: random ones that keep an image's contrast."""
    import io

    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):
        def load_state_dict(self, *_: Any, **__: Any) -> None:
            """Stay random."""

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    torch.manual_seed(0)
    network = Untrained("inception", ["2048"], nothing)
    for parameter in network.parameters():
        if parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    torch.save(network.state_dict(), path)
    return path
