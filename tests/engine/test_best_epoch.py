"""Validation: on images that are not trained on, once per epoch, and the best epoch is what a stage ends with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cfd_studio.data.digits import load_digits
from cfd_studio.data.images import DataSet, ImageSet, to_float
from cfd_studio.engine import classification
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.best import Best
from cfd_studio.engine.build import derive_seed
from cfd_studio.engine.classification import ClassifierObjective
from cfd_studio.engine.classifiers import split_for_validation
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.loading import load_network
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


def _split(run: RunFolder) -> tuple[DataSet, Tensor | None]:
    config = run.config()
    return split_for_validation(load_data(config.data), 0.25, derive_seed(config.seed, "c", "validation"))


def test_the_split_shares_no_image_leaves_the_held_out_alone_and_depends_on_the_seed_only() -> None:
    data = load_digits()
    numbered = ImageSet(torch.arange(len(data.train)).view(-1, 1, 1, 1).expand(-1, 1, 8, 8), data.train.labels)
    digits = replace(data, name="numbers", train=numbered)
    (split, rows), (_, same), (other, _) = (split_for_validation(digits, 0.25, seed) for seed in (1, 1, 2))
    assert rows is not None
    validation, training = split.held_out.images[:, 0, 0, 0].tolist(), rows.tolist()
    assert len(validation) == round(0.25 * len(data.train))
    assert sorted(validation + training) == list(range(len(data.train)))
    assert training == sorted(training)
    assert torch.equal(split.held_out.labels, data.train.labels[split.held_out.images[:, 0, 0, 0]])
    assert split.train is digits.train
    assert torch.equal(rows, same)
    assert not torch.equal(split.held_out.images, other.held_out.images)
    assert split_for_validation(digits, 0.0, 1) == (digits, None)


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
    assert [event.step for event in told] == [6, 11, 16, 18]  # untrained weights are no candidate
    candidates = {event.step: event.accuracy for event in told}
    best = max(accuracy for accuracy in candidates.values() if accuracy is not None)
    validation = _split(run)[0].held_out
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
    data, rows = _split(run)
    values = data.train.images[rows].double() / 255
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
    assert offered == [6, 11, 16, 18]
    command_at("c", 12, Verb.STOP_KEEP)
    assert train(stopped).state is JobState.STOPPED
    assert train(stopped).state is JobState.FINISHED
    assert fingerprints(stopped) == fingerprints(straight)
    last = mini_run("last", **recipe | {"stages": [STAGE | {"keep": "last"}]})
    train(last)
    assert fingerprints(last) != fingerprints(straight)


def test_no_image_that_is_trained_on_is_a_validation_image(
    mini_run: Callable[..., RunFolder],
    recipe: dict[str, Any],
    train: Callable[[RunFolder], JobEnded],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Tensor] = []
    draw = ClassifierObjective.draw

    def draw_and_note(self: ClassifierObjective, images: Tensor, labels: Tensor, generator: torch.Generator) -> Batch:
        drawn.append(images)
        return draw(self, images, labels, generator)

    monkeypatch.setattr(ClassifierObjective, "draw", draw_and_note)
    run = mini_run(**recipe)
    train(run)
    data, rows = _split(run)
    assert rows is not None

    def known(images: Tensor) -> set[bytes]:
        return {image.numpy().tobytes() for image in images}

    trained = known(torch.cat(drawn))
    assert trained == known(to_float(data.train.images[rows]))
    assert len(trained & known(to_float(data.held_out.images))) == 0


@pytest.mark.parametrize("step", [6, 18])
def test_a_stop_in_the_middle_of_a_measurement_is_heard_and_loses_neither_steps_nor_the_best(
    step: int,
    mini_run: Callable[..., RunFolder],
    recipe: dict[str, Any],
    train: Callable[[RunFolder], JobEnded],
    command_at: Callable[..., object],
    events_of: Callable[..., list[Event]],
    fingerprints: Callable[[RunFolder], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is offered wins: whoever forgets to measure again ends with other weights.
    monkeypatch.setattr(Best, "offer", lambda best, network, _, at: _prefer(best, network, at, step))
    monkeypatch.setattr(classification, "MEASURED_AT_ONCE", 100)
    del recipe["name"]
    straight, stopped = mini_run("straight", **recipe), mini_run("stopped", **recipe)
    train(straight)
    command_at("c", step, Verb.STOP_KEEP)
    ended = train(stopped)
    assert ended.state is JobState.STOPPED
    assert f"step {step} of stage 'c'" in ended.sentence
    assert all(e.step < step for e in events_of(stopped) if isinstance(e, HeldOutLogged))
    assert train(stopped).state is JobState.FINISHED
    assert fingerprints(stopped) == fingerprints(straight)
    told = [[e for e in events_of(run, n) if isinstance(e, HeldOutLogged)] for run, n in ((stopped, 2), (straight, 1))]
    assert [(e.step, e.loss) for e in told[0]] == [(e.step, e.loss) for e in told[1] if e.step >= step]


def _prefer(best: Best, network: nn.Module, at: int, step: int) -> None:
    if at == step:
        best.network.load_state_dict(network.state_dict())
        best.accuracy, best.step = 0.9, at
