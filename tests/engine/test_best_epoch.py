"""Validation: on images that are not trained on, once per epoch, and the best epoch is what a stage ends with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from cfd_studio.data.digits import load_digits
from cfd_studio.data.images import DataSet, ImageSet, to_float
from cfd_studio.engine.best import Best
from cfd_studio.engine.build import derive_seed, load_network
from cfd_studio.engine.classifiers import split_for_validation
from cfd_studio.engine.datasets import load_data
from cfd_studio.interop.weights import load_weights
from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.events import Event, HeldOutLogged, JobEnded, JobState
from cfd_studio.runs.folder import RunFolder

# Of 1,442 training images 1,082 are left: five steps of 216 are an epoch but for two images.
STAGE: dict[str, Any] = {
    "kind": "classifier",
    "id": "c",
    "architecture": "cnn",
    "width": 8,
    "normalization": "data-set",
    "augmentation": {"crop_padding": 1, "cutout": 2},
    "label_smoothing": 0.1,
    "validation_share": 0.25,
    "keep": "best",
    "optimization": {"steps": 18, "batch_size": 216, "learning_rate": 0.3, "optimizer": "sgd", "weight_decay": 5e-4},
}


@pytest.fixture
def recipe(mini_recipe: dict[str, Any]) -> dict[str, Any]:
    mini_recipe["evaluation"]["judge"] = None
    return mini_recipe | {"stages": [STAGE]}


def _split(run: RunFolder) -> DataSet:
    config = run.config()
    return split_for_validation(load_data(config.data), 0.25, derive_seed(config.seed, "c", "validation"))


def test_the_split_shares_no_image_leaves_the_held_out_alone_and_depends_on_the_seed_only() -> None:
    data = load_digits()
    numbered = ImageSet(torch.arange(len(data.train)).view(-1, 1, 1, 1).expand(-1, 1, 8, 8), data.train.labels)
    digits = replace(data, name="numbers", train=numbered)
    split, same, other = (split_for_validation(digits, 0.25, seed) for seed in (1, 1, 2))
    validation, training = (one.images[:, 0, 0, 0].tolist() for one in (split.held_out, split.train))
    assert len(validation) == round(0.25 * len(data.train))
    assert sorted(validation + training) == list(range(len(data.train)))
    assert torch.equal(split.train.labels, data.train.labels[split.train.images[:, 0, 0, 0]])
    assert torch.equal(split.held_out.labels, data.train.labels[split.held_out.images[:, 0, 0, 0]])
    assert torch.equal(split.train.images, same.train.images)
    assert not torch.equal(split.held_out.images, other.held_out.images)
    assert split_for_validation(digits, 0.0, 1) is digits


def test_the_best_epoch_by_validation_images_becomes_the_weights(
    mini_run: Callable[..., RunFolder],
    recipe: dict[str, Any],
    train: Callable[[RunFolder], JobEnded],
    events_of: Callable[[RunFolder], list[Event]],
) -> None:
    run = mini_run(**recipe)
    assert train(run).state is JobState.FINISHED
    told = [event for event in events_of(run) if isinstance(event, HeldOutLogged)]
    assert {event.images for event in told} == {"validation"}
    assert [event.step for event in told] == [0, 6, 11, 16, 18]
    candidates = {event.step: event.accuracy for event in told[1:]}
    best = max(accuracy for accuracy in candidates.values() if accuracy is not None)
    validation = _split(run).held_out
    network = load_network(run, run.config(), "c", "cpu")
    right = (network(to_float(validation.images)).logits.argmax(1) == validation.labels).float().mean()
    assert float(right) == pytest.approx(best, abs=1e-6)
    assert candidates[18] is not None
    quality = run.quality("c")
    assert quality is not None
    held_out = load_digits().held_out
    right = (network(to_float(held_out.images)).logits.argmax(1) == held_out.labels).float().mean()
    assert quality.accuracies["c"] == pytest.approx(float(right), abs=1e-6)


def test_the_normalisation_is_measured_on_what_is_trained_on_and_kept_with_the_weights(
    mini_run: Callable[..., RunFolder], recipe: dict[str, Any], train: Callable[[RunFolder], JobEnded]
) -> None:
    recipe["stages"][0] = STAGE | {"optimization": STAGE["optimization"] | {"steps": 1}}
    run = mini_run(**recipe)
    train(run)
    tensors, _ = load_weights(run.weights("c"))
    values = _split(run).train.images.double() / 255
    assert tensors["input.mean"].item() == pytest.approx(values.mean().item(), rel=1e-6)
    assert tensors["input.deviation"].item() == pytest.approx(values.std(correction=0).item(), rel=1e-6)


def test_a_run_stopped_beyond_its_best_epoch_ends_with_the_same_weights(
    mini_run: Callable[..., RunFolder],
    recipe: dict[str, Any],
    train: Callable[[RunFolder], JobEnded],
    command_at: Callable[..., object],
    fingerprints: Callable[[RunFolder], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The second of four epochs wins: whoever forgets it while stopping ends with another.
    offer = Best.offer
    offered: list[int] = []

    def offer_and_note(self: Best, network: nn.Module, _: float, step: int) -> None:
        offered.append(step)
        offer(self, network, 0.9 if step == 11 else 0.5, step)

    monkeypatch.setattr(Best, "offer", offer_and_note)
    del recipe["name"]
    straight, stopped = mini_run("straight", **recipe), mini_run("stopped", **recipe)
    train(straight)
    assert offered == [6, 11, 16, 18]  # untrained weights are no candidate
    command_at("c", 12, Verb.STOP_KEEP)
    assert train(stopped).state is JobState.STOPPED
    assert train(stopped).state is JobState.FINISHED
    assert fingerprints(stopped) == fingerprints(straight)
    last = mini_run("last", **recipe | {"stages": [STAGE | {"keep": "last"}]})
    train(last)
    assert fingerprints(last) != fingerprints(straight)
