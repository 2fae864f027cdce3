"""A sampling session: newest first, cancelled at once, errors as sentences, and training never notices."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from cfd_studio.cli.app import run_command_line
from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.samplers import sample, sampling_levels, starting_noise
from cfd_studio.engine import classifiers
from cfd_studio.engine.distillation import FeatureObjective
from cfd_studio.engine.loading import load_denoiser, load_objective
from cfd_studio.engine.models import open_models
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import ImageKey, SampleAnswer, Sampler, SampleRequest, SamplerName, in_a_row
from cfd_studio.protocol.stages import ClassifierFed
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers import sampling
from cfd_studio.workers.sampling import MODELS_KEPT, SamplingSession
from cfd_studio.workers.thread import ThreadLauncher


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def session(turns: Turns) -> Iterator[SamplingSession]:
    made = SamplingSession(turns)
    yield made
    made.close()
    assert not made._thread.is_alive()


def _wish(run: RunFolder, stage: str = "teacher", **changes: Any) -> SampleRequest:
    values = {"sampling_steps": 2, "seed": 5, "count": 3, "device": "cpu"} | changes
    keys = in_a_row(values.pop("seed"), values.pop("count"))
    return SampleRequest(run=run.path, stage=stage, keys=keys, **values)


def _ask(session: SamplingSession, request: SampleRequest) -> SampleAnswer:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    session.request(request, answers.put)
    return answers.get(timeout=60)


def test_images_are_those_of_the_sampler_itself(session: SamplingSession, trained_run: RunFolder) -> None:
    for stage, own_steps, steps, count in (("teacher", 8, 8, 3), ("teacher", 8, 3, 70), ("cfd-2", 2, 1, 1)):
        answer = _ask(session, _wish(trained_run, stage, sampling_steps=steps, count=count))
        assert answer.error is None
        assert answer.images is not None
        assert answer.images.dtype == np.float32
        assert answer.images.shape == (count, 1, 8, 8)
        assert answer.network_calls == steps
        assert answer.seconds_per_image > 0
        denoiser = load_denoiser(trained_run, trained_run.config(), stage, "cpu")
        noise = starting_noise(5, 0, count, (1, 8, 8))
        expected = sample(denoiser, noise, sampling_levels(8, own_steps, steps), ddim()).numpy()
        np.testing.assert_allclose(answer.images, expected, rtol=1e-4, atol=1e-5)


def test_images_are_bit_by_bit_those_of_the_command_line(
    session: SamplingSession, trained_run: RunFolder, tmp_path: Path
) -> None:
    out = tmp_path / "x.npz"
    common = ("--stage", "pd-4", "--steps", "4,3", "--count", "9", "--seed", "5", "--device", "cpu")
    for sampler in ("ddim", "ancestral"):
        line = ["sample", str(trained_run.path), *common, "--sampler", sampler, "--out", str(out)]
        assert run_command_line(line, lambda **_: 1) == 0
        with np.load(out, allow_pickle=False) as arrays:
            for steps in (4, 3):
                wish = _wish(trained_run, "pd-4", sampling_steps=steps, count=9, sampler=Sampler(name=sampler))
                np.testing.assert_array_equal(_ask(session, wish).images, arrays[f"x_{steps}"])
            # In other batches the last bits of float32 differ, and nothing that an eye or a figure could tell.
            wish = replace(wish, keys=(ImageKey(5, 8), ImageKey(5, 2), ImageKey(5, 3)))
            np.testing.assert_allclose(_ask(session, wish).images, arrays["x_3"][[8, 2, 3]], atol=1e-5)


@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_the_estimates_of_every_step_come_with_their_levels(
    session: SamplingSession, trained_run: RunFolder, sampler: SamplerName
) -> None:
    wish = _wish(trained_run, sampling_steps=3, count=70, sampler=Sampler(name=sampler))
    plain, answer = _ask(session, wish), _ask(session, replace(wish, trajectory=True))
    assert plain.x_hats is None
    assert plain.timesteps == ()
    assert answer.x_hats is not None
    assert answer.x_hats.shape == (3, 70, 1, 8, 8)
    assert answer.timesteps == (8, 5, 3)
    np.testing.assert_array_equal(answer.images, plain.images)
    np.testing.assert_allclose(answer.x_hats[-1], answer.images, atol=1e-5)  # the last step ends where it points
    denoiser = load_denoiser(trained_run, trained_run.config(), "teacher", "cpu")
    first = denoiser(starting_noise(5, 0, 70, (1, 8, 8)), torch.full((70,), 8)).clamp(-1, 1)
    np.testing.assert_allclose(answer.x_hats[0], first.numpy(), rtol=1e-4, atol=1e-5)


def test_a_trajectory_that_would_fill_the_memory_is_refused_in_a_sentence(
    session: SamplingSession, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MOST_TRAJECTORY_MIB", 0.01)
    wish = _wish(trained_run, sampling_steps=8, count=6, trajectory=True)
    assert str(_ask(session, wish).error).endswith("Ask for fewer images or fewer steps.")
    assert _ask(session, replace(wish, keys=wish.keys[:5])).error is None


def test_a_classifier_sees_the_images_as_it_does_in_distillation(
    session: SamplingSession,
    mini_run: Callable[..., RunFolder],
    mini_recipe: dict[str, Any],
    random_weights: Callable[..., RunFolder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(classifiers._NORMALIZATIONS, "data-set", lambda _: ((0.3,), (0.2,)))
    stages = mini_recipe["stages"]
    stages[1]["normalization"] = "data-set"
    run = random_weights(mini_run(stages=stages), "judge", "classifier", "teacher", "pd-4", "cfd-2")
    seen = {}
    for fed in get_args(ClassifierFed):
        wish = _wish(run, "cfd-2", classifier="classifier", classifier_input=fed)
        answer = _ask(session, wish)
        config = run.config()
        stage = config.stage("cfd-2").model_copy(update={"classifier_input": fed})
        objective = load_objective(run, config, stage, "cpu")
        assert isinstance(objective, FeatureObjective)
        assert answer.images is not None
        expected = objective._classifier(torch.from_numpy(answer.images))
        np.testing.assert_array_equal(answer.features, expected.features.numpy())
        np.testing.assert_array_equal(answer.logits, expected.logits.numpy())
        seen[fed] = answer.features
    assert np.abs(seen["matched"] - seen["as-reference"]).max() > 1e-3
    assert "no classifier 'teacher'" in str(_ask(session, replace(wish, classifier="teacher")).error)


def test_a_wish_names_its_sampler_and_its_class(
    session: SamplingSession,
    trained_run: RunFolder,
    mini_run: Callable[..., RunFolder],
    mini_recipe: dict[str, Any],
    random_weights: Callable[..., RunFolder],
) -> None:
    ancestral = Sampler(name="ancestral")
    answer = _ask(session, _wish(trained_run, sampling_steps=4, count=70, sampler=ancestral))
    model = open_models(trained_run.path, ["teacher"], "cpu")[0]
    noise = starting_noise(5, 0, 70, (1, 8, 8))
    expected = model.draw(noise, 4, sampler=ancestral, seed=5).images.numpy()
    assert answer.images is not None
    np.testing.assert_allclose(answer.images, expected, rtol=1e-4, atol=1e-5)
    assert "knows of no classes" in str(_ask(session, _wish(trained_run, label=3)).error)
    assert "cannot be guided" in str(_ask(session, _wish(trained_run, sampler=Sampler(guidance=2.0))).error)

    told = random_weights(mini_run(network=mini_recipe["network"] | {"conditional": True}), "teacher")
    model = open_models(told.path, ["teacher"], "cpu")[0]
    guided = Sampler(guidance=2.0)
    answer = _ask(session, _wish(told, count=3, label=4, sampler=guided))
    assert answer.images is not None
    assert answer.network_calls == 4
    expected = model.draw(noise[:3], 2, sampler=guided, labels=torch.tensor([4, 4, 4])).images.numpy()
    np.testing.assert_allclose(answer.images, expected, rtol=1e-4, atol=1e-5)


def test_the_newest_wish_is_answered_first(session: SamplingSession, turns: Turns, trained_run: RunFolder) -> None:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    with turns:  # the first wish waits for the device, the others behind it
        session.request(_wish(trained_run, seed=0), answers.put)
        while session._wishes or not turns._waiting:
            threading.Event().wait(0.005)
        for seed in (1, 2, 3):
            session.request(_wish(trained_run, seed=seed), answers.put)
    assert [answers.get(timeout=60).request.keys[0].seed for _ in range(4)] == [0, 3, 2, 1]


def test_a_cancelled_wish_gets_no_answer_and_the_next_one_does(
    session: SamplingSession, turns: Turns, trained_run: RunFolder
) -> None:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    with turns:
        for seed in (0, 1, 2):
            session.request(_wish(trained_run, seed=seed, sampling_steps=8), answers.put)
        while not turns._waiting:
            threading.Event().wait(0.005)
        session.cancel()
    assert _ask(session, _wish(trained_run, seed=9)).request.keys[0].seed == 9
    assert answers.empty()
    with turns:
        pass  # whoever was dropped gave its turn back


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"stage": "nobody"}, "no model 'nobody'"),
        ({"stage": "judge"}, "no model 'judge'"),
        ({"stage": "pd-2", "sampling_steps": 4}, "made for 2 steps"),
        ({"sampling_steps": 0}, "8 steps"),
        ({"device": "cuda:77"}, "device"),
        ({"count": 0}, "failed"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence_and_the_session_lives_on(
    session: SamplingSession, trained_run: RunFolder, changes: dict[str, Any], part: str
) -> None:
    answer = _ask(session, _wish(trained_run, **changes))
    assert answer.images is None
    assert answer.error is not None
    assert part in answer.error
    assert "\n" not in answer.error
    assert _ask(session, _wish(trained_run)).error is None


def test_an_untrained_model_a_damaged_file_and_no_run_at_all(
    session: SamplingSession, trained_run: RunFolder, mini_run: Callable[..., RunFolder], tmp_path: Any
) -> None:
    assert "no weights yet" in str(_ask(session, _wish(mini_run())).error)
    assert "no such folder" in str(_ask(session, _wish(RunFolder(tmp_path / "nowhere"))).error)
    assert _ask(session, _wish(trained_run)).error is None
    trained_run.weights("teacher").write_bytes(b"damaged")  # also: a kept model is not served for a changed file
    assert "damaged" in str(_ask(session, _wish(trained_run)).error)


def test_only_the_last_few_models_are_kept(session: SamplingSession, trained_run: RunFolder) -> None:
    import shutil

    others = []
    for index in range(2):
        shutil.copytree(trained_run.path, trained_run.path.parent / f"copy-{index}")
        others.append(RunFolder(trained_run.path.parent / f"copy-{index}"))
    for run in (trained_run, *others):
        for stage in ("teacher", "pd-4", "pd-2"):
            assert _ask(session, _wish(run, stage)).error is None
    assert len(session._models) == MODELS_KEPT


def test_closing_while_drawing_joins_the_thread(turns: Turns, trained_run: RunFolder) -> None:
    session = SamplingSession(turns)
    answers: list[SampleAnswer] = []
    session.request(_wish(trained_run, sampling_steps=8, count=5000), answers.append)
    while session._wishes:
        threading.Event().wait(0.005)
    session.close()
    assert not session._thread.is_alive()
    assert answers == []


def test_a_session_draws_no_number_that_training_would_have_drawn(
    session: SamplingSession, trained_run: RunFolder
) -> None:
    before = torch.get_rng_state()
    assert _ask(session, _wish(trained_run)).error is None
    assert torch.equal(torch.get_rng_state(), before)


def test_training_beside_a_busy_session_ends_with_the_same_weights(
    session: SamplingSession,
    turns: Turns,
    trained_run: RunFolder,
    mini_run: Callable[..., RunFolder],
    fingerprints: Callable[[RunFolder], dict[str, str]],
) -> None:
    run = mini_run()
    job = ThreadLauncher(turns).start(run, ExecutionRequest(device="cpu", threads=1))
    drawn = 0
    while job.alive:
        stage = next((s for s in ("pd-2", "pd-4", "teacher") if run.weights(s).exists()), None)
        source, stage = (run, stage) if stage else (trained_run, "teacher")
        answer = _ask(session, _wish(source, stage, seed=drawn, sampling_steps=2, count=8))
        assert answer.error is None
        drawn += 1
    assert job.ended is not None
    assert job.ended.state is JobState.FINISHED
    assert drawn > 3
    assert fingerprints(run) == fingerprints(trained_run)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_receiver_that_fails_does_not_end_the_session(turns: Turns, trained_run: RunFolder) -> None:
    session = SamplingSession(turns)
    called = threading.Event()

    def fail(answer: SampleAnswer) -> None:
        called.set()
        raise RuntimeError("the window is gone")

    session.request(_wish(trained_run), fail)
    assert called.wait(60)
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    session.request(_wish(trained_run), answers.put)
    try:
        assert answers.get(timeout=3).error is None
    except queue.Empty:
        pytest.fail("no answer any more")
    finally:
        session.close()
