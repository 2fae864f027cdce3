"""Whole runs with the settings that the miniature leaves at their defaults."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.models import open_models
from cfd_studio.protocol.errors import CfdError, ConfigError
from cfd_studio.protocol.events import JobEnded, JobState
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]


@pytest.fixture
def stages(mini_recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """Return classifiers, teacher and a PD and a CFD student, with longer stages."""
    stages = copy.deepcopy(mini_recipe["stages"])
    for stage in stages:
        if stage["kind"] == "halving":
            stage["sampling_steps"] = [4]
            stage["parent"] = "teacher"
    return stages


def _network(mini_recipe: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return mini_recipe["network"] | changes


def test_a_class_conditional_run_draws_the_class_it_is_asked_for_differently(
    mini_run: MakeRun, mini_recipe: dict[str, Any], stages: list[dict[str, Any]], train: Train
) -> None:
    for stage in stages:
        if stage["kind"] == "halving":
            stage["guidance"] = 1.5  # which a network that hardly knows the classes survives, and must not refuse
    run = mini_run(stages=stages, network=_network(mini_recipe, conditional=True, label_dropout=0.2))
    ended = train(run)
    assert ended.state is JobState.FINISHED, ended.details
    for model in open_models(run.path, None, "cpu"):
        assert model.classes == 10
        noise = starting_noise(0, 0, 20, model.shape)
        with torch.no_grad():  # a few steps teach little: make what they taught visible
            weights = model.denoiser.network.label_embedding.weight  # type: ignore[union-attr]
            assert weights.grad is None
            weights.mul_(30)
        in_turn = model.draw(noise, 1).images
        ones = model.draw(noise, 1, labels=model.labels([1], 20)).images
        nothing = model.draw(noise, 1, labels=model.labels([-1], 20)).images
        same = [torch.equal(a, b) for a, b in zip(in_turn, ones, strict=True)]
        assert same == [i % 10 == 1 for i in range(20)]
        assert not torch.equal(nothing, ones)
        with pytest.raises(CfdError, match="has no class 10"):
            model.labels([10], 1)


def test_a_model_without_classes_says_so(trained_run: RunFolder) -> None:
    model = open_models(trained_run.path, ["teacher"], "cpu")[0]
    assert model.labels(None, 3) is None
    with pytest.raises(CfdError, match="knows of no classes"):
        model.labels([1], 3)


def test_the_whole_tree_trains_on_the_reference_schedule_with_every_loss_that_has_a_name(
    mini_run: MakeRun, mini_recipe: dict[str, Any], stages: list[dict[str, Any]], train: Train
) -> None:
    for stage in stages:
        if stage["kind"] == "teacher":
            stage["weighting"] = "snr+1"
        if stage["id"] == "cfd":
            stage |= {"match": "logits", "dataset_weight": 0.1, "entropy_share": 0.6}
    run = mini_run(
        stages=stages,
        schedule={"num_timesteps": 8, "clean_end": False},
        prediction="x",
        clip_targets=True,
        journal=mini_recipe["journal"] | {"gradient_norms_every": 4},
    )
    assert train(run).state is JobState.FINISHED
    mirror = RunMirror(run)
    mirror.refresh()
    cfd = mirror.stages["cfd-4"]
    assert list(cfd.terms) == list(cfd.gradient_norms) == ["feature", "entropy", "diversity", "anchor"]
    for norms in cfd.gradient_norms.values():
        assert norms.steps.tolist() == [4, 8, 12]
        assert (norms.values > 0).all()
    assert mirror.stages["pd-4"].gradient_norms == {}


def test_a_teacher_that_predicts_eps_trains_and_samples_and_cannot_be_distilled(
    mini_run: MakeRun, stages: list[dict[str, Any]], train: Train
) -> None:
    run = mini_run(stages=stages[:3], prediction="eps")
    assert train(run).state is JobState.FINISHED
    model = open_models(run.path, ["teacher"], "cpu")[0]
    assert np.isfinite(model.draw(starting_noise(0, 0, 4, model.shape), 8).images.numpy()).all()
    with pytest.raises(ConfigError, match="predicts eps cannot be distilled") as refused:
        mini_run("distilled", stages=stages, prediction="eps")
    assert [problem.path for problem in refused.value.problems] == ["prediction"]
    assert not (run.path.parent / "distilled").exists()


def test_unclipped_sampling_is_a_setting(mini_run: MakeRun, stages: list[dict[str, Any]], train: Train) -> None:
    run = mini_run(stages=stages[:3], clip_samples=False)
    assert train(run).state is JobState.FINISHED
    model = open_models(run.path, ["teacher"], "cpu")[0]
    noise = 3 * starting_noise(0, 0, 16, model.shape)
    assert model.draw(noise, 4).images.abs().max() > 1
