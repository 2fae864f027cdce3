"""A batch shared by processes, or worked off in parts, gives what one process gives at once."""

import multiprocessing
import os
import runpy
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_v
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar
from cfd_studio.engine.assistant import assist
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.compiler import TRANSLATIONS
from cfd_studio.engine.distillation import FeatureObjective
from cfd_studio.engine.gradient import batch_gradient
from cfd_studio.engine.job import run_job
from cfd_studio.engine.ranks import Ranks, joined
from cfd_studio.networks.classifiers import PerceptronClassifier
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.stages import FeatureMatching
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror

MakeRun = Callable[..., RunFolder]


# Parts ----------------------------------------------------------------------------------------------------------------


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(16, 16)

    def forward(self, z: Tensor, level: Tensor) -> Tensor:
        return torch.tanh(self.body(z.flatten(1)) + level[:, None]).view_as(z)


def _cfd() -> FeatureObjective:
    """Return CFD with every term it can have, in float64; the same in every process."""
    torch.manual_seed(1)
    schedule = NoiseSchedule(cosine_alpha_bar(16), dtype=torch.float64)
    classifier = PerceptronClassifier(16, 10, 8, 0.0).double().eval().requires_grad_(False)
    teacher = Denoiser(_Network().double().requires_grad_(False), x_from_v, schedule)
    matching = FeatureMatching(temperature=0.9, anchor_weight=0.5, dataset_weight=0.7, entropy_share=0.4)
    return FeatureObjective(schedule, x_from_v, teacher, 4, classifier=classifier, matching=matching)


@pytest.fixture
def objective() -> FeatureObjective:
    return _cfd()


def _batch(objective: FeatureObjective, count: int) -> Batch:
    images = torch.rand(count, 1, 4, 4, dtype=torch.float64) * 2 - 1
    return objective.draw(images, torch.zeros(count, dtype=torch.int64), torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("count", "parts"), [(12, 2), (12, 3), (13, 4), (5, 9)])
def test_the_gradient_of_a_batch_in_parts_is_that_of_the_whole(
    objective: FeatureObjective, count: int, parts: int
) -> None:
    batch, network = _batch(objective, count), _Network().double()
    found = []
    for split in (1, parts):
        network.zero_grad(set_to_none=True)
        terms, norms, gauges = batch_gradient(network, objective, batch, Ranks(), split, measure=True)
        gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        found.append((terms, norms, gradient, gauges))
    (terms, norms, gradient, gauges), (pieced_terms, pieced_norms, pieced, pieced_gauges) = found
    torch.testing.assert_close(pieced_gauges, gauges, rtol=1e-10, atol=1e-14)
    assert list(terms) == ["feature", "entropy", "diversity", "anchor"] == list(norms)
    torch.testing.assert_close(pieced, gradient, rtol=1e-10, atol=1e-14)
    for name in terms:
        torch.testing.assert_close(pieced_terms[name], terms[name], rtol=1e-10, atol=0)
        torch.testing.assert_close(pieced_norms[name], norms[name], rtol=1e-10, atol=0)


def test_a_terms_gradient_norm_is_that_of_its_gradient_alone_and_measuring_changes_nothing(
    objective: FeatureObjective,
) -> None:
    batch, network = _batch(objective, 8), _Network().double()
    gradients = []
    for measure in (False, True):
        network.zero_grad(set_to_none=True)
        _, norms, _ = batch_gradient(network, objective, batch, Ranks(), measure=measure)
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    for name, term in objective.terms(network, batch, lambda mean: mean).items():
        alone = torch.autograd.grad(term, list(network.parameters()), retain_graph=True)
        expected = torch.cat([one.flatten() for one in alone]).norm()
        torch.testing.assert_close(norms[name], expected)


@pytest.mark.parametrize("ranks", [2, 3, 5])
@pytest.mark.parametrize("parts", [1, 2])
def test_the_shares_of_all_ranks_are_the_batch_and_weigh_as_much(ranks: int, parts: int) -> None:
    images = torch.arange(13.0).view(13, 1, 1, 1)
    shares = [share for rank in range(ranks) for share in Batch(images).shares(parts, rank, ranks)]
    assert sorted(torch.cat([share.images for share in shares]).flatten().tolist()) == list(range(13))
    mean = sum(share.weight * share.images.mean() for share in shares) / ranks
    torch.testing.assert_close(mean, images.mean())


# Processes ------------------------------------------------------------------------------------------------------------


def _one_rank(
    rank: int, ranks: int, port: int, path: Path, accumulation: int, images: str = "", fast: str = ""
) -> None:
    """Train in float64 as one of several processes, the way that `torchrun` would set them up."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ["XDG_CACHE_HOME"] = str(path.parent / "cache")  # not that of the test that started the fork server
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    # Traced forward and backward as for compiling, but run by torch's own kernels.
    TRANSLATIONS["default"] = partial(torch.compile, backend="aot_eager", dynamic=False)
    with joined("cpu") as group:
        if group.first:
            request = ExecutionRequest(
                device="cpu", threads=1, accumulation=accumulation, data_folder=images, fast=fast
            )
            ended = run_job(RunFolder(path), request, ranks=group)
            assert ended.state is JobState.FINISHED, ended.details or ended.sentence
        else:
            assist(RunFolder(path), "cpu", group)


def _run_together(work: Callable[..., None], ranks: int, *arguments: Any) -> None:
    """Call ``work(rank, ranks, port, *arguments)`` in as many processes, and see that none fails.

    They run this file anew: a module of tests is not on everybody's path.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cfd_studio.engine.job", "sklearn.datasets", "scipy.linalg", "torch._dynamo"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    calls = [{"CALL": (work.__name__, (rank, ranks, port, *arguments))} for rank in range(ranks)]
    members = [context.Process(target=runpy.run_path, args=(__file__, call, "__rank__")) for call in calls]
    for member in members:
        member.start()
    for member in members:
        member.join(200)
    assert [member.exitcode for member in members] == [0] * ranks


def _train(run: RunFolder, ranks: int = 1, accumulation: int = 0) -> None:
    _run_together(_one_rank, ranks, run.path, accumulation)


def _losses(run: RunFolder) -> dict[str, dict[float, float]]:
    mirror = RunMirror(run)
    mirror.refresh()
    return {
        stage.id: dict(zip(stage.loss.steps.tolist(), stage.loss.values.tolist(), strict=True))
        for stage in mirror.stages.values()
    }


@pytest.fixture
def undropped(mini_recipe: dict[str, Any]) -> list[Any]:
    """Return the miniature's stages with every term of CFD and without dropout, which differs by rank."""
    stages: list[Any] = mini_recipe["stages"]
    for stage in stages:
        if stage["kind"] in ("teacher", "classifier"):
            stage["dropout"] = 0.0
        if stage["id"] == "cfd":
            stage |= {"dataset_weight": 0.5, "entropy_share": 0.5}
    return stages


def _one_share(rank: int, ranks: int, port: int, count: int, parts: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    objective = _cfd()
    batch = _batch(objective, count)
    networks = [_Network().double(), _Network().double()]
    networks[1].load_state_dict(networks[0].state_dict())
    with joined("cpu") as group:
        spread = group.spread(networks[1])  # gives all ranks the weights of the first
        networks[0].load_state_dict(networks[1].state_dict())
        for _ in range(3):
            for network in networks:
                network.zero_grad(set_to_none=True)
            whole, _, gauges = batch_gradient(networks[0], objective, batch, Ranks())
            shared, _, shared_gauges = batch_gradient(spread, objective, batch, group, parts)
            torch.testing.assert_close(ranks * shared_gauges, gauges, rtol=1e-10, atol=1e-14)
            for name, term in whole.items():
                torch.testing.assert_close(shared[name], term, rtol=1e-10, atol=1e-14)
            for ours, theirs in zip(networks[1].parameters(), networks[0].parameters(), strict=True):
                torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("count", "parts"), [(5, 1), (3, 2), (7, 3)])
def test_ranks_with_unequal_shares_have_the_gradient_of_the_whole_batch_diversity_included(
    count: int, parts: int
) -> None:
    _run_together(_one_share, 2, count, parts)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("ranks", "accumulation"), [(2, 1), pytest.param(3, 2, marks=pytest.mark.slow)])
def test_several_processes_follow_the_loss_of_one(
    mini_run: MakeRun, undropped: list[Any], ranks: int, accumulation: int
) -> None:
    alone, shared = mini_run("alone", stages=undropped), mini_run("shared", stages=undropped)
    _train(alone)
    _train(shared, ranks, accumulation)
    expected, found = _losses(alone), _losses(shared)
    assert expected.keys() == found.keys()
    for stage_id, curve in expected.items():
        assert found[stage_id] == pytest.approx(curve, rel=1e-9), stage_id


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_several_processes_compile_each_on_its_own_and_follow_the_loss_of_one_that_does_not(
    mini_run: MakeRun, undropped: list[Any]
) -> None:
    undropped[3]["sampling_steps"] = [4]
    alone, shared = mini_run("alone", stages=undropped[:4]), mini_run("shared", stages=undropped[:4])
    _train(alone)
    _run_together(_one_rank, 2, shared.path, 2, "", "compilation=default")
    assert "warning" not in shared.jobs()[0].log.read_text()
    expected, found = _losses(alone), _losses(shared)
    assert expected.keys() == found.keys()
    for stage_id, curve in expected.items():
        assert found[stage_id] == pytest.approx(curve, rel=1e-9), stage_id


@pytest.mark.slow
def test_the_first_process_decodes_the_images_and_the_others_find_them(
    mini_run: MakeRun, mini_recipe: dict[str, Any], tmp_path: Path
) -> None:
    pixels = torch.randint(0, 256, (40, 16, 16), dtype=torch.uint8).numpy()
    np.save(tmp_path / "images.npy", pixels)
    data = {"name": "arrays", "image_size": 16, "channels": 1}
    evaluation = {**mini_recipe["evaluation"], "judge": None}
    run = mini_run(data=data, stages=mini_recipe["stages"][2:4], evaluation=evaluation)
    _run_together(_one_rank, 2, run.path, 1, str(tmp_path / "images.npy"))
    assert all(run.weights(stage.id).exists() for stage in run.config().stages)
    assert len(list((tmp_path / "cache").glob("cfd-studio/data-sets/decoded/*/about.json"))) == 1


if __name__ == "__rank__":
    name, arguments = CALL  # type: ignore[name-defined]  # noqa: F821, given by `_run_together`
    globals()[name](*arguments)
