"""The same few images while a model is trained: from the same noise, and nobody's random numbers are touched."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.build import derive_seed
from cfd_studio.engine.checkpoint import checkpoints, load_checkpoint
from cfd_studio.engine.gallery import draw, write_strip
from cfd_studio.engine.loading import load_denoiser
from cfd_studio.engine.strips import Strips
from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.events import CheckpointSaved, Event, JobEnded, JobState, PhaseEntered
from cfd_studio.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]
Train = Callable[[RunFolder], JobEnded]


@pytest.fixture
def journal(mini_recipe: dict[str, Any]) -> dict[str, Any]:
    return {**mini_recipe["journal"], "samples_every": 5, "keep_checkpoints": 9}


def _strips(run: RunFolder) -> dict[str, list[int]]:
    return {
        stage.id: sorted(int(file.stem.removeprefix("step-")) for file in (run.stage(stage.id) / "samples").glob("*"))
        for stage in run.config().stages
    }


def _pixels(run: RunFolder, stage: str, step: int) -> np.ndarray:
    content = (run.stage(stage) / "samples" / f"step-{step:08d}.png").read_bytes()
    return np.asarray(Image.open(io.BytesIO(content)))


def test_samples_along_the_way_change_no_weight_and_say_what_the_averaged_weights_draw(
    mini_run: MakeRun,
    journal: dict[str, Any],
    train: Train,
    trained_run: RunFolder,
    fingerprints: Callable[[RunFolder], dict[str, str]],
    events_of: Callable[..., list[Event]],
    tmp_path: Any,
) -> None:
    run = mini_run(journal=journal)
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run) == fingerprints(trained_run)
    students = {name: [0, 5, 10, 12] for name in ("pd-4", "pd-2", "cfd-2")}
    assert _strips(run) == {"judge": [], "classifier": [], "teacher": [0, 5, 10, 15, 16], **students}
    # A checkpoint of the same step holds the average: what it draws is on the strip.
    config = run.config()
    denoiser = load_denoiser(run, config, "teacher", "cpu")
    saved = next(one for one in checkpoints(run.stage("teacher")) if one.name.endswith("10"))
    denoiser.network.load_state_dict(load_checkpoint(saved, "cpu")["ema"])
    noise = starting_noise(derive_seed(config.seed, "evaluation"), 0, 8, (1, 8, 8))
    write_strip(tmp_path / "expected.png", draw(denoiser, noise, 8, 8).images, 8)
    assert np.array_equal(_pixels(run, "teacher", 10), np.asarray(Image.open(tmp_path / "expected.png")))
    assert not np.array_equal(_pixels(run, "teacher", 10), _pixels(run, "teacher", 15))
    # What a student starts from is its parent, asked for half the steps.
    parent = load_denoiser(run, config, "teacher", "cpu")
    write_strip(tmp_path / "parent.png", draw(parent, noise, 8, 4).images, 8)
    assert np.array_equal(_pixels(run, "pd-4", 0), np.asarray(Image.open(tmp_path / "parent.png")))
    told = [event for event in events_of(run) if isinstance(event, PhaseEntered | CheckpointSaved)]
    told = [event for event in told if event.stage == "pd-2"]
    names = [event.phase if isinstance(event, PhaseEntered) else f"saved {event.step}" for event in told]
    save, sample = ["saving", "training"], ["drawing samples", "training"]
    saved_at = [[save[0], f"saved {step}", save[1]] for step in (5, 10, 12)]
    expected = ["loading", "training", *sample, *saved_at[0], *sample, *saved_at[1], *sample, *saved_at[2]]
    assert names == [*expected, "saving", "evaluating"]


def test_a_stop_while_samples_are_drawn_answers_at_once_and_they_are_drawn_by_the_next_job(
    mini_run: MakeRun,
    journal: dict[str, Any],
    train: Train,
    trained_run: RunFolder,
    fingerprints: Callable[[RunFolder], dict[str, str]],
    command_at: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = mini_run(journal=journal)
    drawing = Strips.draw
    calls: list[int] = []

    def stopped(strips: Strips, network: torch.nn.Module, turn: Any, on_call: Callable[[], None]) -> torch.Tensor:
        def third() -> None:
            calls.append(1)
            if strips.stage.id == "teacher" and len(calls) == 8 + 3:  # the third call of the strip after step 5
                command_at("teacher", 5, Verb.STOP_KEEP)
            on_call()

        return drawing(strips, network, turn, third)

    monkeypatch.setattr(Strips, "draw", stopped)
    assert train(run).state is JobState.STOPPED
    assert len(calls) == 11
    assert _strips(run)["teacher"] == [0]
    monkeypatch.setattr(Strips, "draw", drawing)
    assert train(run).state is JobState.FINISHED
    assert fingerprints(run) == fingerprints(trained_run)
    assert _strips(run)["teacher"] == [0, 5, 10, 15, 16]
